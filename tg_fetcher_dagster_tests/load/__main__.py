"""`python -m tg_fetcher_dagster_tests.load`: 10,000 commands at once (`make load`).

Over SQLite, over Debian's Postgres (`--ledger postgres`), or over an empty database that LEDGER_URL names.
"""

import argparse
import itertools
import os
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import redis

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.schema import make_ledger
from tg_fetcher_dagster_tests.fixtures_ledger import postgres_server
from tg_fetcher_dagster_tests.fixtures_redis import valkey
from tg_fetcher_dagster_tests.load.entries import CHATS, pushed_at_once
from tg_fetcher_dagster_tests.load.pressure import NEW_CHAT, Pressure

COMMANDS = 10_000
PLANNED_A_SECOND, MOST_RUNS, LONGEST_TICK, MOST_MEMORY = 500, 500, 20.0, 100.0


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _measure(pressure: Pressure, count: int, seed: int) -> list[str]:
    """Prints the figures; returns those that are not as they should be."""
    # Memory is measured over what the first commands need.
    warm = pushed_at_once(1_000, seed=seed + 1, today=pressure.today)
    pressure.push(warm.entries)
    pressure.plan_all()
    pressure.took.clear()
    before = _megabytes()
    pushed = pushed_at_once(count, seed=seed, today=pressure.today)
    pressure.push(pushed.entries)
    held = _megabytes()
    planned = pressure.plan_all()
    rate = planned / sum(pressure.took)
    grown = _megabytes() - max(before, held)
    print(
        f"load: {planned} commands, {pressure.asked_days()} days, {pressure.letters()} dead letters:"
        f" {rate:.0f} planned a second, the longest tick {max(pressure.took):.1f} s, memory +{grown:.0f} MB"
    )
    began = time.perf_counter()
    # Each of the chats has had its turn when one more is asked for.
    runs = pressure.carry_all_out()
    order = [chat for chat, _, _ in itertools.islice(runs, 2 * len(CHATS))]
    before_it = len(order) + len(pressure.runs.waiting)
    pressure.ask_late(NEW_CHAT)
    order += [chat for chat, _, _ in runs]
    late = order.index(NEW_CHAT) - before_it
    asked_for = len(pressure.runs.started)
    print(
        f"load: {asked_for} runs in all, carried out in {time.perf_counter() - began:.0f} s; a day of another"
        f" chat, asked for behind all of it, waited for {max(late, 0)} runs that were not yet asked for;"
        f" left: {pressure.left()}"
    )
    return [
        line
        for line, wrong in (
            (f"{rate:.0f} commands planned a second", rate < PLANNED_A_SECOND),
            (f"a tick of {max(pressure.took):.1f} s", max(pressure.took) > LONGEST_TICK),
            (f"{grown:.0f} MB more", grown > MOST_MEMORY),
            (f"{asked_for} runs", asked_for > MOST_RUNS),
            (f"the late day waited for {late} runs", late > 0),
            (f"left: {pressure.left()}", any(pressure.left().values())),
            ("ends without an event", pressure.ends_told_wrongly() > 0),
            ("dead letters", pressure.letters() != pushed.senseless + warm.senseless),
        )
        if wrong
    ]


def _ledger(which: str, folder: Path, stack: ExitStack) -> str:
    """Returns where the ledger is: what LEDGER_URL names, a server of its own, or a file."""
    if url := os.environ.get("LEDGER_URL"):
        return url
    if which == "sqlite":
        return f"sqlite:///{folder / 'ledger.sqlite'}"
    (place := folder / "postgres").mkdir()
    server = stack.enter_context(postgres_server(place))
    server.run("CREATE DATABASE load")
    return server.url("load")


def main() -> None:
    """Prints the figures; ends with 1 where one is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tg_fetcher_dagster_tests.load", description=__doc__)
    parser.add_argument("--commands", type=int, default=COMMANDS)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--ledger", choices=("sqlite", "postgres"), default="sqlite")
    asked = parser.parse_args()
    # Not below a folder that only this user may enter: Debian's server runs as another one.
    with tempfile.TemporaryDirectory(prefix="load-") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        url = _ledger(asked.ledger, Path(folder), stack)
        make_ledger(url)
        port = stack.enter_context(valkey()).port
        ledger = stack.enter_context(Ledger.open(url))
        client = stack.enter_context(redis.Redis(port=port))
        print(f"load: {'SQLite' if ledger.is_sqlite else 'Postgres'}")
        wrong = _measure(Pressure(ledger, client, time.time()), asked.commands, asked.seed)
    if wrong:
        sys.exit(f"load: not as it should be: {'; '.join(wrong)}")
    print("load: all as it should be")


if __name__ == "__main__":
    main()
