"""Of two snapshots of one day the one that began later stays, whichever comes to its end first."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.durable_files import exclusive
from tg_fetcher_dagster.fetching import rebuild, storing
from tg_fetcher_dagster_tests.fetching.reading import Fetching, context_at

Start = Callable[..., Fetching]
DAY = date(2025, 11, 6)
NOW = datetime(2025, 12, 1, 12, tzinfo=UTC)

WORLD: dict[str, Any] = {
    "seed": 29,
    "days": {"from": "2025-11-05", "to": "2025-11-07"},
    "accounts": [
        {"name": "main", "phone": "+15550001001"},
        {"name": "second", "phone": "+15550001002"},
    ],
    "chats": {"busy": {"type": "supergroup", "username": "twice_busy", "messages_per_day": 20, "members": 5}},
}


def before_the_lock(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, meanwhile: Callable[[], None]
) -> None:
    """Lets something happen once, just before a module takes the chat's lock, which it then really takes."""
    left = [meanwhile]

    @contextmanager
    def later(path: Path) -> Iterator[None]:
        if left:
            left.pop()()
        with exclusive(path):
            yield

    monkeypatch.setattr(module, "exclusive", later)


def other_account(telegram: Fetching, now: datetime) -> Fetching:
    """Another account over the same folder: one account reads for one run at a time."""
    settings = telegram.context.settings.model_copy(update={"telegram_account": "second"})
    AccountStore(settings.session_dir).save("second", telegram.sandbox.sessions["second"])
    return Fetching(
        telegram.sandbox,
        context_at(telegram.sandbox, settings, telegram.context.ledger, now, heard=telegram.heard),
    )


def in_another_thread(work: Callable[[], Any]) -> Any:
    """Runs a fetch of its own, with its own loop, to its end."""
    made: list[Any] = []
    thread = threading.Thread(target=lambda: made.append(asyncio.run(work())))
    thread.start()
    thread.join()
    return made[0]


async def test_a_reading_that_began_earlier_and_ends_later_is_dropped(
    fetching: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram = fetching(WORLD, now=NOW)
    key = await telegram.resolve("twice_busy")
    await telegram.fetch(key, [DAY])
    edited = telegram.day(key, DAY)["messages"][2]["id"]
    telegram.sandbox.world.edit("busy", edited, text="as the earlier reading saw it", edited=1762473600)
    newer: list[Any] = []

    def meanwhile() -> None:
        telegram.sandbox.world.edit("busy", edited, text="as the later reading saw it", edited=1762473700)
        second = other_account(telegram, NOW + timedelta(minutes=2))
        reading = lambda: second.fetch(key, [DAY], request_id="fetch-late", force=True)  # noqa: E731
        newer.extend(in_another_thread(reading))

    before_the_lock(monkeypatch, storing, meanwhile)
    first = telegram.at(NOW + timedelta(minutes=1), NOW + timedelta(minutes=3))

    [report] = await first.fetch(key, [DAY], request_id="fetch-early", force=True)

    texts = {each["id"]: each["text"] for each in telegram.day(key, DAY)["messages"]}
    assert texts[edited] == "as the later reading saw it"
    assert [each.outcome for each in newer] == ["fetched"]
    assert report.outcome == "skipped"
    assert report.error is None
    assert report.coverage == newer[0].coverage == telegram.proved(telegram.paths(key, DAY))
    assert report.coverage is not None
    late, early = telegram.told()[-2:]
    assert (late["event"], late["correlation_id"]) == ("messages_fetched", "fetch-late")
    assert (early["event"], early["reason"], early["correlation_id"]) == (
        "fetch_skipped",
        "newer",
        "fetch-early",
    )
    assert early["checksum_actual"] == late["checksum_sha256"] == report.coverage.checksum_sha256


async def test_a_rebuild_beside_a_fetch_gives_the_day_that_the_fetch_read(
    fetching: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram = fetching(WORLD, now=NOW)
    key = await telegram.resolve("twice_busy")
    await telegram.fetch(key, [DAY])
    paths = telegram.paths(key, DAY)
    edited = telegram.day(key, DAY)["messages"][2]["id"]

    def meanwhile() -> None:
        telegram.sandbox.world.edit("busy", edited, text="written meanwhile", edited=1762473700)
        second = other_account(telegram, NOW + timedelta(minutes=2))
        reading = lambda: second.fetch(key, [DAY], request_id="fetch-late", force=True)  # noqa: E731
        in_another_thread(reading)

    before_the_lock(monkeypatch, rebuild, meanwhile)

    rebuilt = telegram.rebuild(key, DAY)

    texts = {each["id"]: each["text"] for each in telegram.day(key, DAY)["messages"]}
    assert texts[edited] == "written meanwhile"
    coverage = telegram.proved(paths)
    assert coverage == rebuilt.coverage
    assert coverage is not None
    assert coverage.fetched_at == NOW + timedelta(minutes=2)
    assert rebuilt.outcome == "unchanged"
    assert rebuilt.mended == ()
    assert len(list(paths.versions.glob("*.json"))) == 1, "what the fetch replaced, nothing else"


async def test_a_rebuild_that_a_fetch_overtakes_each_time_gives_up(
    fetching: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram = fetching(WORLD, now=NOW)
    key = await telegram.resolve("twice_busy")
    await telegram.fetch(key, [DAY])
    raw = telegram.paths(key, DAY).raw

    @contextmanager
    def replaced(path: Path) -> Iterator[None]:
        another = raw.with_name("another")
        another.write_bytes(raw.read_bytes())
        another.replace(raw)
        with exclusive(path):
            yield

    monkeypatch.setattr(rebuild, "exclusive", replaced)
    with pytest.raises(rebuild.FetchError, match="is being fetched again and again"):
        telegram.rebuild(key, DAY)


async def test_a_whole_reading_replaces_one_that_a_limit_cut_whichever_began_first(fetching: Start) -> None:
    telegram = fetching(WORLD, now=NOW)
    key = await telegram.resolve("twice_busy")
    await telegram.fetch(key, [DAY], limit=3)

    [report] = await telegram.at(NOW - timedelta(minutes=1)).fetch(key, [DAY], request_id="fetch-2")

    assert report.outcome == "fetched"
    assert len(telegram.day(key, DAY)["messages"]) == 20


async def test_a_record_from_the_future_was_made_by_a_wrong_clock(fetching: Start) -> None:
    telegram = fetching(WORLD, now=NOW)
    key = await telegram.resolve("twice_busy")
    await telegram.at(NOW + timedelta(days=1)).fetch(key, [DAY])

    [report] = await telegram.fetch(key, [DAY], request_id="fetch-2", force=True)

    assert report.outcome == "unchanged"
    coverage = telegram.proved(telegram.paths(key, DAY))
    assert coverage is not None
    assert coverage.fetched_at == NOW
