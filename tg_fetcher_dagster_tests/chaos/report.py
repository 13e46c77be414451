"""Brings a storm about, waits until the deployment rests, and says what it came to."""

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tg_fetcher_dagster_tests.chaos.checking import (
    Found,
    faults_of,
    faults_of_files,
    left_over,
    look,
    stray_files,
)
from tg_fetcher_dagster_tests.chaos.commands import asked_days, commands
from tg_fetcher_dagster_tests.chaos.pace import moment, rest_until
from tg_fetcher_dagster_tests.chaos.plan import plan
from tg_fetcher_dagster_tests.chaos.producer import Producer
from tg_fetcher_dagster_tests.chaos.storm import Storm, storm

RESTS_FOR = 3
"""Looks in a row at which nothing was left: a run that is under way between two looks is not overlooked."""

LOOK_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of a storm there is: see `plan` and `commands`.

    Attributes:
        limit: seconds that the calm afterwards may take: a limit for what hangs, not for a slow machine.
    """

    commands: int
    chats: int
    seconds: float
    faults: int
    losses: int
    long: int = 0
    limit: float = 1_200.0


WHOLE = Size(commands=1_000, chats=8, seconds=480, faults=60, losses=5, long=2)
SHORT = Size(commands=20, chats=2, seconds=20, faults=6, losses=1)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a storm came to."""

    lines: list[str]
    faults: list[str] = field(default_factory=list)


def carry_out(size: Size, seed: int, *, keep: Path | None = None) -> Report:
    """Carries a storm out; its folder is kept where one is named and something is wrong."""
    folder = Path(tempfile.mkdtemp(prefix="storm-"))
    try:
        with storm(folder) as made:
            report = _carry_out(made, size, seed)
        if report.faults and keep is not None:
            shutil.copytree(folder, keep, dirs_exist_ok=True)
        return report
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _carry_out(made: Storm, size: Size, seed: int) -> Report:
    asked = commands(seed, size.commands, chats=size.chats)
    steps = plan(
        seed,
        commands=size.commands,
        seconds=size.seconds,
        faults=size.faults,
        losses=size.losses,
        long=size.long,
    )
    began = moment()
    producer = made.blow(steps, asked, seed)
    pushed_after = moment() - began
    left = _until_it_rests(made, moment() + size.limit)
    rested_after = moment() - began
    found = look(made)
    certain = [
        each
        for each in asked
        if each.command_id in producer.acknowledged and found.taken.get(each.command_id)
    ]
    faults = [f"left over: {line}" for line in left]
    faults += [f"a draft lies about: {path}" for path in stray_files(made)]
    faults += faults_of(asked, producer, found)
    faults += faults_of_files(made, asked_days(certain))
    lines = [
        *_told(made, producer, found),
        f"the storm took {pushed_after:.0f} s, the calm afterwards {rested_after - pushed_after:.0f} s",
    ]
    return Report(lines=lines, faults=faults)


def _until_it_rests(made: Storm, deadline: float) -> list[str]:
    quiet = 0
    while True:
        left = left_over(made)
        quiet = 0 if left else quiet + 1
        if quiet == RESTS_FOR or moment() > deadline:
            return left
        rest_until(moment() + LOOK_SECONDS)


def _told(made: Storm, producer: Producer, found: Found) -> list[str]:
    ends = Counter(end["event"] for told in found.ends.values() for end in told)
    twice = sum(len(told) > 1 for told in found.ends.values())
    again = sum(len(times) > 1 for times in found.taken.values())
    lost = len(producer.acknowledged.keys() - found.taken.keys())
    with made.deployment.instance() as instance:
        runs = Counter(run.status.value for run in instance.get_runs())
    return [
        *(f"{count} times: {fault}" for fault, count in sorted(made.happened.items())),
        (
            f"commands: {len(producer.acknowledged)} acknowledged, {len(producer.unanswered)} without an"
            f" answer, {lost} lost with Redis' last second, {found.repeated} given back by it and not done"
            f" again, {again} done again"
        ),
        f"ends of commands' days: {dict(sorted(ends.items()))}, {twice} days told more than once",
        f"runs: {dict(sorted(runs.items()))}; {len(found.unseen)} days that Dagster does not show as done",
    ]
