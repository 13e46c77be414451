"""A day that is read again: the same is told as the same, what differs is kept beside what was before."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Any

import pytest

from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between

Start = Callable[..., Fetching]
DAY = date(2025, 11, 6)
TERMINAL = {"messages_fetched", "fetch_skipped", "fetch_failed"}

WORLD: dict[str, Any] = {
    "seed": 9,
    "days": {"from": "2025-11-05", "to": "2025-11-07"},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {
        "busy": {"type": "supergroup", "username": "again_busy", "messages_per_day": 20, "members": 5},
        "news": {
            "type": "channel",
            "username": "again_news",
            "messages_per_day": 6,
            "comments": {"share": 1.0, "most": 4},
            "discussion": {"title": "Talk", "messages_per_day": 2},
        },
    },
}


def last_told(telegram: Fetching) -> dict[str, Any]:
    """The newest terminal event."""
    return [each for each in telegram.events() if each["event"] in TERMINAL][-1]


async def test_a_forced_fetch_of_an_unchanged_day_changes_nothing_and_says_so(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("again_busy")
    await telegram.fetch(key, [DAY])
    paths = telegram.context.store.day(key, DAY)
    before = paths.day_file.stat().st_mtime_ns, paths.day_file.read_bytes()

    [report] = await telegram.fetch(key, [DAY], request_id="fetch-2", force=True)

    assert report.outcome == "unchanged"
    event = last_told(telegram)
    assert (event["event"], event["reason"]) == ("fetch_skipped", "unchanged")
    assert event["checksum_expected"] == event["checksum_actual"]
    assert (paths.day_file.stat().st_mtime_ns, paths.day_file.read_bytes()) == before
    assert not paths.versions.exists() or not any(paths.versions.iterdir())


def _edit(telegram: Fetching, number: int) -> None:
    telegram.sandbox.world.edit("busy", number, text="quite another text", edited=1762473600)


def _delete(telegram: Fetching, number: int) -> None:
    telegram.sandbox.world.delete("busy", number)


@pytest.mark.parametrize("change", [_edit, _delete])
async def test_a_forced_fetch_of_a_changed_day_is_told_and_keeps_the_old_version(
    fetching: Start, change: Callable[[Fetching, int], None]
) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("again_busy")
    await telegram.fetch(key, [DAY])
    paths = telegram.context.store.day(key, DAY)
    old = paths.day_file.read_bytes()
    number = telegram.day(key, DAY)["messages"][3]["id"]
    change(telegram, number)

    [report] = await telegram.fetch(key, [DAY], request_id="fetch-2", force=True)

    assert report.outcome == "fetched"
    assert report.coverage is not None
    assert report.coverage.outcome == "changed"
    event = last_told(telegram)
    assert event["event"] == "messages_fetched"
    assert event["checksum_sha256"] == report.coverage.checksum_sha256
    kept = [path.read_bytes() for path in paths.versions.rglob("*.json") if path.is_file()]
    assert old in kept
    truth = telegram.truth()["busy"]["days"][DAY.isoformat()]["messages"]
    shown = [(each["id"], each["text"] or "") for each in telegram.day(key, DAY)["messages"]]
    assert shown == [(each["id"], each["text"] or "") for each in truth]


async def test_a_day_that_grew_since_it_was_unfinished_is_whole_afterwards(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("again_busy")
    newest = date(2025, 11, 7)
    await telegram.fetch(key, [newest])
    post = next(telegram.sandbox.world.posts(telegram.sandbox.world.chats["busy"]))
    last = telegram.sandbox.world.posts(telegram.sandbox.world.chats["busy"])
    at = max(each.at for each in last) + 1
    telegram.sandbox.world.post("busy", at=at, sender=post.sender, text="one more")

    [report] = await telegram.fetch(key, [newest], request_id="fetch-2", force=True)

    assert report.outcome == "fetched"
    assert telegram.day(key, newest)["messages"][0]["text"] == "one more"


async def test_the_same_request_reads_a_day_once_even_by_force(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("again_busy")
    await telegram.fetch(key, [DAY], force=True)
    telegram.sandbox.clear_requests()

    [report] = await telegram.fetch(key, [DAY], force=True)

    assert report.outcome == "fetched"
    assert telegram.sandbox.requests == []
    assert len([each for each in telegram.events() if each["event"] in TERMINAL]) == 1


async def test_a_limit_leaves_a_day_unfinished_and_the_next_fetch_completes_it(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("again_busy")
    days = days_between("2025-11-06", "2025-11-07")

    limited = await telegram.fetch(key, days, limit=5)

    assert [len(telegram.day(key, day)["messages"]) for day in days] == [5, 5]
    assert [report.coverage.final for report in limited if report.coverage] == [False, False]
    whole = await telegram.fetch(key, days, request_id="fetch-2")
    assert [report.coverage.final for report in whole if report.coverage] == [True, True]
    assert [len(telegram.day(key, day)["messages"]) for day in days] == [20, 20]


@pytest.mark.parametrize("name", ["again_busy", "again_news"])
async def test_a_rebuild_gives_the_same_bytes_without_a_request(fetching: Start, name: str) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve(name)
    days = days_between("2025-11-05", "2025-11-07")
    await telegram.fetch(key, days)
    if name == "again_news":
        assert any(message.get("comments") for message in telegram.day(key, DAY)["messages"])
    telegram.sandbox.clear_requests()
    for day in days:
        paths = telegram.context.store.day(key, day)
        files = (paths.day_file, paths.summary, paths.threads, paths.participants)
        before = [path.read_bytes() for path in files]
        proved = telegram.proved(paths)

        rebuilt = telegram.rebuild(key, day)

        assert rebuilt.outcome == "unchanged"
        assert [path.read_bytes() for path in files] == before
        renewed = telegram.proved(paths)
        assert proved is not None
        assert renewed is not None
        assert renewed.checksum_sha256 == proved.checksum_sha256
        assert renewed.comment_count == proved.comment_count
        for path in files:
            path.unlink()
        telegram.rebuild(key, day)
        assert [path.read_bytes() for path in files] == before
    assert telegram.sandbox.requests == []


async def test_a_rebuild_with_other_options_changes_the_file_and_keeps_the_old_one(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("again_busy")
    await telegram.fetch(key, [DAY])
    paths = telegram.context.store.day(key, DAY)
    old = paths.day_file.read_bytes()
    options = type(telegram.context.options)(**{**asdict(telegram.context.options), "language": False})

    rebuilt = telegram.rebuild(key, DAY, options=options)

    assert rebuilt.outcome == "changed"
    assert old in [path.read_bytes() for path in paths.versions.rglob("*.json") if path.is_file()]
