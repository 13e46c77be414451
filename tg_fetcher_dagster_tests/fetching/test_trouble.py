"""What a fetch does when Telegram, the disk or a discussion group refuses: one line, no day made up."""

import shutil
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.fetching.request import FetchRequest
from tg_fetcher_dagster.fetching.run import fetch_chats
from tg_fetcher_dagster.telegram import connections
from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between

Start = Callable[..., Fetching]

WORLD: dict[str, Any] = {
    "seed": 13,
    "days": {"from": "2025-11-01", "to": "2025-11-07"},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {
        "busy": {"type": "supergroup", "username": "bad_busy", "messages_per_day": 60, "members": 5},
        "news": {
            "type": "channel",
            "username": "bad_news",
            "messages_per_day": 3,
            "comments": {"share": 1.0, "most": 4},
            "discussion": {"title": "Talk", "messages_per_day": 2},
        },
    },
}
DAYS = days_between("2025-11-01", "2025-11-07")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost connection is tried again as often, without the rests between."""
    monkeypatch.setattr(connections, "BACKOFF_SECONDS", 0.01)


async def test_a_telegram_that_is_gone_fails_each_day_that_is_left_with_one_line(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("bad_busy")
    await telegram.fetch(key, DAYS[5:])
    telegram.sandbox.stop()

    reports = await telegram.fetch(key, DAYS, request_id="fetch-2")

    assert [report.outcome for report in reports] == ["failed"] * 5 + ["skipped"] * 2
    for report in reports[:5]:
        assert report.error is not None
        assert report.error.error_type is ErrorType.TELEGRAM_AWAY
        assert "\n" not in report.error.message
        assert not telegram.context.store.day(key, report.day).day_file.exists()


async def test_a_connection_that_is_cut_at_one_chats_history_fails_that_chat_and_no_other(
    fetching: Start,
) -> None:
    telegram = fetching(WORLD)
    busy, news = await telegram.resolve("bad_busy"), await telegram.resolve("bad_news")
    cut_at = telegram.truth()["busy"]["marked_id"]
    telegram.sandbox.add_fault(method="messages.getHistory", chat=cut_at, cut=True)
    asked = [FetchRequest(request_id="fetch-1", chat=chat, days=DAYS[5:]) for chat in (busy, news)]
    telegram.sandbox.clear_requests()

    reports = await fetch_chats(asked, telegram.context)

    assert [(report.chat, report.outcome) for report in reports] == [
        (busy, "failed"),
        (busy, "failed"),
        (news, "fetched"),
        (news, "fetched"),
    ]
    errors = [report.error for report in reports if report.error]
    assert {error.error_type for error in errors} == {ErrorType.NETWORK}
    assert all("\n" not in error.message for error in errors)
    assert telegram.sandbox.count("help.getConfig") == 4, "one, two to try again, one for the next chat"


async def test_a_walk_that_is_refused_in_the_middle_of_a_range_keeps_the_newer_days(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("bad_busy")
    telegram.sandbox.add_fault(method="messages.getHistory", after=2, error="CHANNEL_PRIVATE")

    reports = await telegram.fetch(key, DAYS)

    done = [report.day for report in reports if report.outcome == "fetched"]
    failed = [report.day for report in reports if report.outcome == "failed"]
    assert failed == list(DAYS[: len(failed)])
    assert done == list(DAYS[len(failed) :])
    assert done
    assert failed
    telegram.sandbox.clear_faults()
    telegram.sandbox.clear_requests()

    again = await telegram.fetch(key, DAYS)

    assert [report.outcome for report in again] == ["fetched"] * 7
    assert all(len(telegram.day(key, day)["messages"]) == 60 for day in DAYS)
    asked = [each for each in telegram.sandbox.requests if each["method"] == "messages.getHistory"]
    # Only what was left: 60 messages a day, a hundred a request.
    assert len(asked) == len(failed) * 60 // 100 + 1


async def test_an_account_without_access_fails_the_days_and_writes_no_empty_ones(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("bad_busy")
    telegram.sandbox.world.keep_out("busy")

    reports = await telegram.fetch(key, DAYS)

    assert {report.error.error_type for report in reports if report.error} == {ErrorType.NO_ACCESS}
    assert len(reports) == 7
    assert not list(telegram.data_dir.glob(f"{key}/*.json"))


async def test_a_disk_that_refuses_is_one_line_and_keeps_the_earlier_days(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("bad_busy")
    await telegram.fetch(key, DAYS[:3])
    kept = {day: telegram.context.store.day(key, day).day_file.read_bytes() for day in DAYS[:3]}
    # A file where the next day's drafts belong: root, as in a container, is not stopped by permissions.
    in_the_way = telegram.context.store.day(key, DAYS[6]).raw
    in_the_way.mkdir(parents=True)
    (in_the_way / "something").write_text("in the way")

    reports = await telegram.fetch(key, DAYS[6:], request_id="fetch-2")

    [error] = [report.error for report in reports]
    assert error is not None
    assert error.error_type is ErrorType.STORAGE
    assert "\n" not in error.message
    assert {day: telegram.context.store.day(key, day).day_file.read_bytes() for day in kept} == kept
    assert all(telegram.is_complete(telegram.context.store.day(key, day)) for day in kept)

    # What was sealed waits for its place; nobody reads it again.
    shutil.rmtree(in_the_way)
    telegram.sandbox.clear_requests()
    [again] = await telegram.fetch(key, DAYS[6:], request_id="fetch-3")
    assert again.outcome == "skipped"
    assert telegram.is_complete(telegram.context.store.day(key, DAYS[6]))
    assert telegram.sandbox.requests == []
    assert [event["event"] for event in telegram.told()[-2:]] == ["messages_fetched", "fetch_skipped"]
    assert not list((telegram.data_dir / key).rglob(".*.tmp"))


async def test_comments_that_may_not_be_read_are_told_in_the_coverage_and_in_the_day_file(
    fetching: Start,
) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("bad_news")
    telegram.sandbox.add_fault(method="messages.getReplies", error="CHANNEL_PRIVATE")
    day = date(2025, 11, 6)

    [report] = await telegram.fetch(key, [day])

    assert report.outcome == "fetched"
    assert report.coverage is not None
    posts = telegram.day(key, day)["messages"]
    commented = [
        post for post in telegram.truth()["news"]["days"]["2025-11-06"]["messages"] if post["comments"]
    ]
    assert commented
    assert [loss.what for loss in report.coverage.lost] == [
        f"comments of post {each['id']}" for each in commented
    ]
    assert all(loss.why for loss in report.coverage.lost)
    for post in posts:
        if post["id"] in {each["id"] for each in commented}:
            assert not post.get("comments")
            assert any("comment" in name and "unavailable" in name and post[name] for name in post), post


async def test_a_flood_of_comments_leaves_the_days_that_need_none(fetching: Start) -> None:
    some = {**WORLD["chats"]["news"], "username": "some_news", "comments": {"share": 0.2, "most": 4}}
    telegram = fetching({**WORLD, "chats": {"news": some}})
    key = await telegram.resolve("some_news")
    days = telegram.truth()["news"]["days"]
    commented = {
        date.fromisoformat(day)
        for day, of_day in days.items()
        if any(post.get("comments") for post in of_day["messages"])
    }
    assert 1 < len(commented) < len(DAYS)
    telegram.sandbox.add_fault(method="messages.getReplies", error="FLOOD_WAIT_7200")

    results = await telegram.fetch(key, DAYS)

    failed = {each.day: each.error for each in results if each.error is not None}
    assert failed.keys() == commented
    assert {error.error_type for error in failed.values()} == {ErrorType.RATE_LIMIT}
    assert all((error.retry_after or 0) > 7000 for error in failed.values())
    assert telegram.done(key) == set(DAYS) - commented
    assert telegram.sandbox.count("messages.getReplies") == 1, "the method's deadline is heeded"
    assert {event["date"] for event in telegram.told()} == {str(day) for day in telegram.done(key)}
