"""A trouble that lasts is said when it begins, every few minutes and at its end."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
import time_machine

from tg_fetcher_dagster.ledger.conditions import condition_begins, condition_ends, say_again, set_condition
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.logs.lasting import Remembered

AWAY = "Redis at cache:6379 is away: Connection refused"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def told() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def said(told: list[Any]) -> list[str]:
    return [f"{line['event'].removeprefix('a trouble ')}: {line['trouble']}" for line in told]


@pytest.mark.ledger
def test_forty_minutes_of_a_trouble_are_ten_lines_however_many_processes_meet_it(
    ledger: Ledger, told: list[Any]
) -> None:
    with time_machine.travel("2025-11-08T00:00:00Z", tick=False) as clock:
        for _ in range(40 * 12):  # a tick every five seconds
            for _process in range(2):
                set_condition(ledger, "redis", AWAY)
                say_again(ledger)
            clock.shift(5)
        for _process in range(2):
            set_condition(ledger, "redis", None)
    assert said(told) == ["begins: redis", *["goes on: redis"] * 7, "is over: redis"]
    assert told[1]["reason"] == AWAY
    assert told[-1]["duration_seconds"] == 2400
    assert told[-1]["count"] == 2 * 40 * 12


@pytest.mark.ledger
def test_a_trouble_that_nobody_meets_again_is_still_said(ledger: Ledger, told: list[Any]) -> None:
    with time_machine.travel("2025-11-08T00:00:00Z", tick=False) as clock:
        set_condition(ledger, "account main", "account main waits", until=1762560000 + 2400)
        clock.shift(301)
        say_again(ledger)
        say_again(ledger)
    assert said(told) == ["begins: account main", "goes on: account main"]
    assert (told[0]["wait_seconds"], told[1]["wait_seconds"]) == (2400, 2099)


def undone(ledger: Ledger) -> None:
    with ledger.write() as connection:
        condition_begins(connection, "redis", AWAY)
        raise ZeroDivisionError


@pytest.mark.ledger
def test_what_was_undone_is_not_said(ledger: Ledger, told: list[Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        undone(ledger)
    with ledger.write() as connection:
        condition_ends(connection, "redis")
    assert told == []


def test_several_places_of_a_process_that_meet_the_same_say_it_once(told: list[Any]) -> None:
    clock = Clock()
    remembered = Remembered(clock)
    for _ in range(61):
        for place in ("requests", "outbox", "dead_runs"):
            remembered.met("the ledger is away", by=place)
        clock.now += 5
    for place in ("requests", "outbox"):
        remembered.passed(by=place)
    assert said(told) == ["begins: requests", "goes on: requests"]
    remembered.passed(by="dead_runs")
    assert said(told)[2:] == ["is over: dead_runs"]
    assert told[-1]["duration_seconds"] == 305


def test_another_reason_is_another_trouble(told: list[Any]) -> None:
    remembered = Remembered(Clock())
    remembered.met("one", by="requests")
    remembered.met("another", by="requests")
    assert [line["reason"] for line in told] == ["one", "one", "another"]
    assert said(told) == ["begins: requests", "is over: requests", "begins: requests"]
