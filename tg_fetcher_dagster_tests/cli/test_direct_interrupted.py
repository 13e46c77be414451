"""A direct fetch that is stopped, or that Telegram puts off: it ends at once, tells why, and can go on."""

import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.requests.asking import NewRequest, ask
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.starting import cut_batches
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.cli.conftest import Command
from tg_fetcher_dagster_tests.cli.worker import known_ledger, told
from tg_fetcher_dagster_tests.waiting import PATIENCE, until

PROGRAM = Path(sys.executable).with_name("tg-fetcher")


def started(*arguments: str) -> subprocess.Popen[str]:
    """The program in a process of its own."""
    return subprocess.Popen(
        [PROGRAM, *arguments],
        env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def left_by_a_killed_process(chat: str, *days: date, ago: float = 3600.0) -> None:
    """Days that a process asked a run for, so many seconds ago, and was killed before it began."""
    then = now() - ago
    with closing(known_ledger()) as ledger:
        with ledger.write() as connection:
            ask(connection, NewRequest(source="direct", days={chat: days}), now=then)
        rules = Rules.from_settings(Settings.read())
        cut_batches(ledger, rules=replace(rules, runs_ahead=99), order=(), now=then, today=date(2025, 12, 1))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_direct_fetch_ends_at_once_and_the_next_one_goes_on(
    signed_in: Command, sandbox: Any, stop: signal.Signals
):
    assert signed_in("chats", "add", "@daily_news").code == 0
    sandbox.add_fault(method="messages.getHistory", hold=True)
    running = started("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    try:
        until(lambda: sandbox.held or running.poll() is not None, what="a request under way")
        running.send_signal(stop)
        _, err = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 130  # although the request under way is never answered
    assert err.splitlines() == ["stopped; the days that are done stay done"]
    assert not Path("data/daily_news/2025-11-07.json").exists()
    assert told() == [("daily_news", "2025-11-07", "cancelled")]
    assert "requests  none is open" in signed_in("status").out

    sandbox.clear_faults()
    again = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert (again.code, again.out) == (0, "daily_news 2025-11-07: 4 messages\n")


def test_who_asked_for_the_same_day_is_not_cancelled_with_it(signed_in: Command, sandbox: Any):
    assert signed_in("chats", "add", "@daily_news").code == 0
    theirs = NewRequest(source="schedule", days={"daily_news": [date(2025, 11, 7)]})
    with closing(known_ledger()) as ledger, ledger.write() as connection:
        ask(connection, theirs, now=1.0)
    sandbox.add_fault(method="messages.getHistory", hold=True)
    running = started("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    try:
        until(lambda: sandbox.held or running.poll() is not None, what="a request under way")
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
        running.communicate()
    shown = signed_in("status").out
    assert "requests  1 of schedule are open, 1 days" in shown
    assert "under way" not in shown


def test_a_direct_fetch_that_was_killed_holds_up_no_later_one(signed_in: Command, sandbox: Any):
    assert signed_in("chats", "add", "@daily_news").code == 0
    sandbox.add_fault(method="messages.getHistory", hold=True)
    running = started("fetch", "daily_news", "--from", "2025-11-06", "--to", "2025-11-07", "--direct")
    try:
        until(lambda: sandbox.held or running.poll() is not None, what="a request under way")
    finally:
        running.kill()
        running.communicate()
    sandbox.clear_faults()
    again = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert (again.code, again.out) == (0, "daily_news 2025-11-07: 4 messages\n")


@pytest.mark.parametrize(("ago", "done"), [(120.0, True), (3600.0, False)])
def test_what_a_killed_process_had_asked_for_is_not_in_the_way(signed_in: Command, ago: float, done: bool):
    """It is done before, or where that is long ago waits until it is asked for again."""
    assert signed_in("chats", "add", "@daily_news", "-1000000007003").code == 0
    left_by_a_killed_process("daily_news", date(2025, 11, 5), ago=ago)
    left_by_a_killed_process("channel_7003", date(2025, 11, 5), ago=ago)
    result = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert (result.code, result.out) == (0, "daily_news 2025-11-07: 4 messages\n")
    assert Path("data/daily_news/2025-11-05.json").exists() is done
    assert not Path("data/channel_7003/2025-11-05.json").exists()


def test_what_a_killed_process_had_asked_for_of_other_chats_keeps_nothing_waiting(signed_in: Command):
    assert signed_in("chats", "add", "@daily_news").code == 0
    with Path(".env").open("a") as file:
        file.write("MAX_RUNS_AHEAD=1\n")
    for number in range(3):
        left_by_a_killed_process(f"channel_{number + 1}", date(2025, 11, 5))
    result = signed_in("fetch", "daily_news", "--from", "2025-11-05", "--to", "2025-11-08", "--direct")
    assert result.code == 0
    assert "4 days: 4 fetched, 0 skipped, 0 failed" in result.out


def test_a_second_sigterm_does_not_cut_the_ending_short(command: Command, env_file: Path):
    """`timeout tg-fetcher fetch` sends two."""
    with env_file.open("a") as file:
        file.write("REDIS_URL=\n")
    running = started("fetch", "@daily_news", "--date", "2025-11-07")
    try:
        until(lambda: list(Path("data/.spool").glob("*.json")), what="the command in the spool folder")
        for _ in range(2):
            running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
        running.communicate()
    assert (running.returncode, out) == (130, "")
    assert re.fullmatch(
        r"no longer waiting; what was asked for goes on. To stop it: tg-fetcher cancel --command \S+\n", err
    )


def test_a_long_flood_is_told_as_the_reason(signed_in: Command, sandbox: Any):
    assert signed_in("chats", "add", "@daily_news").code == 0
    sandbox.add_fault(method="messages.getHistory", flood_wait=4000)
    result = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert result.code == 1
    assert re.search(
        r"daily_news 2025-11-07: waits until [\d: -]+ UTC: Telegram asked for a pause", result.error
    )


def test_a_disk_that_refuses_is_one_line(signed_in: Command, env_file: Path):
    assert signed_in("chats", "add", "@daily_news").code == 0
    Path("data/daily_news").write_text("a file where the chat's folder should be")
    with env_file.open("a") as file:
        file.write("MAX_RETRY_ATTEMPTS=0\n")
    result = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert result.code == 1
    assert "daily_news" in result.error
