"""Telegram's time, and the machine's clock that is off."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from structlog.testing import capture_logs

from tg_fetcher_dagster.accounts.pacing import Timing
from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.clock import (
    HOLDS_FOR,
    TOLERANCE,
    TelegramClock,
    clock_difference,
    clock_path,
    planning_time,
    telegram_now,
    told,
)
from tg_fetcher_dagster.telegram.open_reader import open_reader

NOON = datetime(2025, 11, 7, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


class Machine:
    """A machine whose clocks a test sets."""

    def __init__(self, wall: datetime) -> None:
        self.wall = wall
        self.runs_since = 0.0

    def time(self) -> float:
        return self.wall.timestamp()

    @property
    def timing(self) -> Timing:
        return Timing(wall=self.time, monotonic=lambda: self.runs_since)


def difference(settings: Settings, at: datetime) -> timedelta:
    with time_machine.travel(at, tick=False):
        return clock_difference(settings)


@pytest.fixture
def path(settings: Settings) -> Path:
    settings.session_dir.mkdir()
    return clock_path(settings.session_dir)


def test_telegrams_time_goes_on_whatever_happens_to_the_machines_clock(path: Path) -> None:
    machine = Machine(NOON + DAY)
    clock = TelegramClock(path, timing=machine.timing)
    clock.tell(NOON)

    machine.runs_since += 90
    machine.wall -= 3 * DAY

    assert clock.now() == NOON + timedelta(seconds=90)
    assert clock.is_past(NOON + 90 * SECOND, at=clock.now())
    assert not clock.is_past(NOON + 91 * SECOND, at=clock.now())


def test_before_telegram_has_told_it_the_time_is_a_guess_and_nothing_is_past(path: Path) -> None:
    machine = Machine(NOON)
    clock = TelegramClock(path, timing=machine.timing)
    assert clock.now() == NOON
    assert not clock.is_past(NOON - DAY, at=NOON)

    clock.tell(NOON - DAY)

    later = TelegramClock(path, timing=machine.timing)
    assert later.now() == NOON - DAY
    assert not later.is_past(NOON - 2 * DAY, at=later.now())


@pytest.mark.parametrize("off", [timedelta(0), SECOND, -TOLERANCE, TOLERANCE])
def test_a_clock_that_is_off_by_a_minute_at_most_gives_the_instants_and_ends_no_day(
    path: Path, settings: Settings, off: timedelta
) -> None:
    clock = TelegramClock(path, timing=Machine(NOON).timing)
    clock.tell(NOON + off)

    assert clock.now() == NOON
    assert clock.is_past(NOON + off, at=NOON)
    assert not clock.is_past(NOON + off + SECOND, at=NOON)
    assert difference(settings, NOON) == timedelta(0)
    assert planning_time(settings, NOON) == NOON


def test_what_processes_note_one_after_the_other_keeps_its_order(path: Path) -> None:
    machine = Machine(NOON)
    noted = []
    for milliseconds in range(0, 3000, 100):
        machine.wall = NOON + timedelta(milliseconds=milliseconds)
        clock = TelegramClock(path, timing=machine.timing)
        clock.tell((machine.wall - DAY).replace(microsecond=0))
        noted.append(clock.now())

    assert noted == sorted(set(noted))


@pytest.mark.parametrize("off", [-DAY, DAY, TOLERANCE + SECOND])
def test_a_clock_that_is_off_is_known_to_others_for_a_while(
    path: Path, settings: Settings, off: timedelta
) -> None:
    TelegramClock(path, timing=Machine(NOON).timing).tell(NOON + off)

    assert difference(settings, NOON + HOLDS_FOR) == off
    assert difference(settings, NOON + HOLDS_FOR + SECOND) == timedelta(0)
    assert difference(settings, NOON - HOLDS_FOR - SECOND) == timedelta(0)
    assert planning_time(settings, NOON) == NOON + min(off, timedelta(0)), "never after the machine's"
    with time_machine.travel(NOON, tick=False):
        assert telegram_now(settings) == NOON + off


def test_a_clock_that_begins_to_be_off_is_told_once_and_when_it_is_right_again(path: Path) -> None:
    machine = Machine(NOON)
    with capture_logs() as logs:
        for off in (0, 0, 100, 100, 4000, 0, 0):
            machine.wall += timedelta(hours=1)
            TelegramClock(path, timing=machine.timing).tell(machine.wall - timedelta(seconds=off))

    assert [(line["log_level"], line["off"]) for line in logs] == [
        ("warning", "0:01:40 ahead"),
        ("info", "right"),
    ]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"seconds": "x", "at": 1}', '{"seconds": 1e300, "at": 1}']
)
def test_a_damaged_finding_is_none(path: Path, settings: Settings, content: str) -> None:
    path.write_text(content)

    assert difference(settings, NOON) == timedelta(0)


def test_a_difference_is_told_in_words() -> None:
    assert told(-DAY - 5 * SECOND) == "1 day, 0:00:05 ahead"
    assert told(timedelta(minutes=2)) == "0:02:00 behind"


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("days", [-400, -1, 0, 1, 400])
async def test_a_reader_knows_telegrams_time_at_no_request_of_its_own(
    sandbox: Any, settings: Settings, account: AccountStore, days: int
) -> None:
    sandbox.set_clock(days * DAY.total_seconds())
    before = sandbox.now().replace(microsecond=0)
    async with open_reader(settings) as reader:
        assert reader.is_past(before, at=reader.now())
        assert not reader.is_past(sandbox.now() + SECOND, at=reader.now())
        assert reader.requests_by_method == {"help.getConfig": 1, "users.getUsers": 1}
        assert abs(telegram_now(settings) - reader.now()) < SECOND


async def test_the_finding_is_nobody_elses_business(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings):
        pass
    assert clock_path(settings.session_dir).stat().st_mode & 0o77 == 0
