"""An account's own pace and the flood deadlines that outlive a process."""

from typing import Any

import pytest
import structlog

from tg_fetcher_dagster.accounts.pacing import LONGEST_WAIT, FloodDeadlines, Pace, believed_deadline
from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger.accounts import put_floods
from tg_fetcher_dagster.ledger.database import Ledger


class Clock:
    """A time that passes only when somebody sleeps."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def no_jitter(low: float, high: float) -> float:
    return 0.0


async def test_a_burst_goes_at_once_and_then_the_rate_holds() -> None:
    clock = Clock()
    pace = Pace(2.0, burst=3, clock=clock, sleep=clock.sleep)

    for _ in range(3):
        await pace.take()
    assert clock.slept == []
    for _ in range(4):
        await pace.take()

    assert sum(clock.slept) == 2.0


async def test_a_pause_fills_the_burst_again_and_no_more() -> None:
    clock = Clock()
    pace = Pace(2.0, burst=3, clock=clock, sleep=clock.sleep)
    for _ in range(3):
        await pace.take()

    clock.now += 1000
    for _ in range(3):
        await pace.take()
    assert clock.slept == []
    await pace.take()
    assert clock.slept == [0.5]


def deadlines(ledger: Ledger, **how: Any) -> FloodDeadlines:
    return FloodDeadlines(Restrictions(ledger, "main"), **{"clock": Clock(), "jitter": no_jitter, **how})


def keep(ledger: Ledger, floods: str) -> None:
    with ledger.write() as connection:
        put_floods(connection, "main", floods)


def test_a_deadline_is_honoured_by_a_later_process(ledger: Ledger) -> None:
    clock = Clock()
    deadlines(ledger, clock=clock).note("messages.getHistory", 30)

    later = deadlines(ledger, clock=clock)
    assert FloodDeadlines(Restrictions(ledger, "second"), clock=clock).remaining("messages.getHistory") == 0
    clock.now += 10

    assert later.remaining("messages.getHistory") == 20
    assert later.remaining("contacts.resolveUsername") == 0
    clock.now += 20
    assert later.remaining("messages.getHistory") == 0


def test_the_jitter_only_adds(ledger: Ledger) -> None:
    floods = FloodDeadlines(Restrictions(ledger, "main"), clock=Clock())

    floods.note("messages.getHistory", 30)

    assert 30 < floods.remaining("messages.getHistory") <= 33


def test_a_wait_of_zero_still_rests_a_second(ledger: Ledger) -> None:
    floods = deadlines(ledger)

    floods.note("messages.getHistory", 0)

    assert floods.remaining("messages.getHistory") == 1


def test_deadlines_that_cannot_be_kept_still_hold_here_and_the_log_says_so_once(ledger: Ledger) -> None:
    floods = deadlines(ledger)
    with ledger.write() as connection:
        connection.exec_driver_sql("DROP TABLE accounts")

    with structlog.testing.capture_logs() as said:
        floods.note("messages.getHistory", 5)
        floods.note("users.getUsers", 5)

    assert floods.remaining("messages.getHistory") == 5
    assert [line["event"] for line in said] == ["not kept"]
    with pytest.raises(FetchError, match="accounts"):
        deadlines(ledger)


@pytest.mark.parametrize("kept", ["{ no json", "[1]", "null", ""])
def test_damaged_deadlines_are_no_deadline(ledger: Ledger, kept: str) -> None:
    keep(ledger, kept)
    assert deadlines(ledger).remaining("messages.getHistory") == 0


@pytest.mark.parametrize(
    ("kept", "believed"),
    [
        (1060.0, 1060.0),
        (1060, 1060.0),
        (1000.0, None),
        (0, None),
        (1000.0 + 10 * 86_400, 1000.0 + LONGEST_WAIT),
        (1e300, 1000.0 + LONGEST_WAIT),
        (float("nan"), None),
        ("soon", None),
        (True, None),
        (None, None),
        ([1060], None),
    ],
)
def test_a_kept_deadline_is_believed_as_far_as_it_can_be(kept: object, believed: float | None) -> None:
    assert believed_deadline(kept, now=1000.0) == believed


def test_absurd_deadlines_block_for_a_week_at_most_and_it_is_said(ledger: Ledger) -> None:
    keep(ledger, '{"messages.getHistory": 1e15, "users.getUsers": "soon", "help.getConfig": 900}')
    with structlog.testing.capture_logs() as said:
        floods = deadlines(ledger)

    assert floods.remaining("messages.getHistory") == LONGEST_WAIT
    assert floods.remaining("users.getUsers") == 0
    assert [(line["method"], line["deadline"]) for line in said] == [
        ("messages.getHistory", "1000000000000000.0"),
        ("users.getUsers", "soon"),
    ]


def test_what_telegram_asks_for_is_cut_to_the_same_week(ledger: Ledger) -> None:
    floods = deadlines(ledger)

    floods.note("messages.getHistory", 1e9)

    assert floods.remaining("messages.getHistory") == LONGEST_WAIT
