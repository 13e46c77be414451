"""Which day is over is Telegram's to say: the machine's clock may be a day ahead, or a year."""

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster_tests.fetching.reading import Fetching

Start = Callable[..., Fetching]

DAY = date(2025, 11, 7)
WORLD: dict[str, Any] = {
    "seed": 17,
    "days": {"from": "2025-11-05", "to": "2025-11-07"},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {"busy": {"type": "supergroup", "username": "clock_busy", "messages_per_day": 9, "members": 4}},
}


def by_the_machines_clock(telegram: Fetching, telegrams: datetime) -> Fetching:
    """The same on this machine, whose clock is what it is, while Telegram's says something else."""
    settings = telegram.context.settings
    telegram.sandbox.set_clock((telegrams - datetime.now(UTC)).total_seconds())
    return Fetching(
        telegram.sandbox, FetchContext(settings=settings, open_reader=lambda: open_reader(settings))
    )


async def test_the_running_day_is_not_final_although_the_machines_clock_says_that_it_is_over(
    fetching: Start,
) -> None:
    afternoon = datetime(2025, 11, 7, 15, tzinfo=UTC)
    telegram = by_the_machines_clock(fetching(WORLD), afternoon)
    key = await telegram.resolve("clock_busy")

    [over, running] = await telegram.fetch(key, [date(2025, 11, 6), DAY])

    assert over.coverage is not None
    assert over.coverage.final
    assert running.coverage is not None
    assert not running.coverage.final
    assert afternoon <= running.coverage.fetched_at <= telegram.sandbox.now()

    night = by_the_machines_clock(telegram, datetime(2025, 11, 8, tzinfo=UTC))
    [done] = await night.fetch(key, [DAY], request_id="fetch-2")
    assert done.coverage is not None
    assert done.coverage.final


async def test_a_day_that_is_over_for_telegram_is_final_although_the_machines_clock_is_behind(
    fetching: Start,
) -> None:
    today = datetime.now(UTC)
    telegram = by_the_machines_clock(fetching(WORLD), today + timedelta(days=1))
    key = await telegram.resolve("clock_busy")

    [report] = await telegram.fetch(key, [today.date()])

    assert report.coverage is not None
    assert report.coverage.final


async def test_without_telegrams_time_a_day_is_read_and_is_not_final(fetching: Start) -> None:
    class Unreadable:
        def _bytes(self) -> bytes:
            return struct.pack("<I", 0xDEADBEEF) + bytes(64)

    telegram = fetching(WORLD)
    key = await telegram.resolve("clock_busy")
    telegram.sandbox.rewrite("help.getConfig", lambda _answer, _request: Unreadable())

    [report] = await telegram.fetch(key, [DAY])

    assert report.outcome == "fetched"
    assert report.coverage is not None
    assert report.coverage.message_count == 9
    assert not report.coverage.final
