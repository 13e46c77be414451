"""`status --watch`: it goes on whatever is away for a while, says so, and ends cleanly."""

import io
import json
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
import redis
import time_machine

from tg_fetcher_dagster.cli.console import LegibleConsole, Size
from tg_fetcher_dagster.cli.overview import Overview
from tg_fetcher_dagster.cli.status_watch import Frame, as_line, framed, frames
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster_tests.cli.conftest import Command
from tg_fetcher_dagster_tests.cli.test_status_screen import NOW, overview
from tg_fetcher_dagster_tests.cli.test_terminal import PROGRAM, Terminal
from tg_fetcher_dagster_tests.waiting import PATIENCE

AWAY = FetchError(ErrorType.STORAGE, "the ledger cannot be read: no route to host")


def looks(*found: Overview | FetchError) -> list[Frame]:
    """The frames of looks that find this, five seconds apart."""
    finding: Iterator[Overview | FetchError] = iter(found)

    def look() -> Overview:
        each = next(finding)
        if isinstance(each, FetchError):
            raise each
        return each

    with time_machine.travel(NOW, tick=False) as clock:
        return list(islice(frames(look, 5, sleep=clock.shift), len(found)))


def shown(frame: Frame) -> list[str]:
    there = io.StringIO()
    LegibleConsole(file=there, width=200).print(framed(frame, Size(), seconds=5))
    return there.getvalue().splitlines()


def test_a_ledger_that_is_away_for_a_while_is_told_above_what_was_seen_last():
    before, away, still_away, back = looks(overview(), AWAY, AWAY, overview(at=NOW + timedelta(seconds=15)))
    assert shown(before)[0] == "2025-12-01 12:00:00 UTC, again every 5 s until Ctrl-C"
    assert shown(away)[0] == (
        "since 12:00:05 UTC nothing can be seen: the ledger cannot be read: no route to host"
    )
    assert shown(still_away)[:2] == [
        "since 12:00:05 UTC nothing can be seen: the ledger cannot be read: no route to host",
        "2025-12-01 12:00:10 UTC, again every 5 s until Ctrl-C; the following was seen at 12:00:00",
    ]
    assert "works" in shown(still_away)
    assert shown(back)[0] == "2025-12-01 12:00:15 UTC, again every 5 s until Ctrl-C"
    assert "nothing can be seen" not in "\n".join(shown(back))


def test_a_ledger_that_was_never_there_is_waited_for():
    first, second = looks(AWAY, overview())
    assert shown(first)[0].startswith("since 12:00:00 UTC nothing can be seen")
    assert "works" in shown(second)


def test_each_look_is_a_line_of_json():
    seen, away = looks(overview(), AWAY)
    assert json.loads(as_line(seen))["chats"][0]["chat"] == "news"
    assert json.loads(as_line(away)) == {"at": "2025-12-01T12:00:05+00:00", "error": AWAY.message}
    assert "\n" not in as_line(seen)


def test_on_a_terminal_it_draws_in_place_until_ctrl_c(env_file: Path):
    terminal = Terminal("status", "--watch", "0.2")
    for _ in range(3):
        terminal.expect("again every 0.2 s until Ctrl-C")
        terminal.expect("Redis at 127.0.0.1:1 is away")
    terminal.program.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert "\x1b[1A" in terminal.shown, "the cursor goes up, and the same lines are drawn again"
    assert terminal.shown.count("\x1b[?25l") == terminal.shown.count("\x1b[?25h") == 1, "the cursor is back"
    assert "Traceback" not in terminal.shown


def test_redis_that_goes_and_comes_back_is_seen(env_file: Path, redis_url: str):
    env_file.write_text(f"REDIS_URL={redis_url}\n")
    watching = subprocess.Popen(
        [PROGRAM, "status", "--watch", "0.2", "--json"],
        env={"PATH": ""}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert watching.stdout is not None
    try:
        with redis.Redis.from_url(redis_url) as client:
            for there in ("answers", "away", "answers"):
                client.config_set("maxclients", 1 if there == "away" else 1000)
                told = (json.loads(line)["redis"] for line in watching.stdout)
                assert next(each for each in told if each == there) == there
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=PATIENCE)
    finally:
        watching.kill()
        watching.communicate()
    assert watching.returncode == 130
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["5"], "SECONDS stands behind --watch and is at least 0.2"),
        (["--watch", "0"], "SECONDS stands behind --watch and is at least 0.2"),
        (["--watch", "--files"], "--watch goes with neither --files nor --need-redis"),
    ],
)
def test_what_does_not_go_together_is_refused(command: Command, arguments: list[str], said: str):
    refused = command("status", *arguments)
    assert (refused.code, said in refused.error) == (2, True)
