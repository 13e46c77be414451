"""Days read over TCP equal what is true of the world, at the requests that they have to cost."""

from contextlib import aclosing
from typing import Any

import pytest

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster.telegram.records import Record
from tg_fetcher_dagster.telegram.walk import Page
from tg_fetcher_dagster_tests.telegram.conftest import WORLD, day_bounds, methods

SPELLINGS = {
    "news": "@daily_news",
    "talk": "https://t.me/Busy_Talk",
    "forum": "channel_7001",
    "club": "-501",
    "friend": "4242",
    "hidden": "-1000000007002",
    "moved": "moved_house",
}


def told(record: Record) -> tuple[int, str, str | None]:
    value = record.value
    text = None if value["_"] == "MessageService" else value["message"]
    return value["id"], value["date"].replace("+00:00", "Z"), text


def true_of(sandbox: Any, chat: str, days: list[str]) -> list[tuple[int, str, str | None]]:
    known = sandbox.truth()["chats"][chat]["days"]
    return [
        (message["id"], message["date"], message["text"])
        for day in sorted(days, reverse=True)
        for message in known.get(day, {"messages": []})["messages"]
    ]


async def pages_of(reader: TelegramReader, identity: ChatIdentity, day: str, days: int = 1) -> list[Page]:
    async with aclosing(reader.history(identity, *day_bounds(day, days))) as pages:
        return [page async for page in pages]


async def read(reader: TelegramReader, identity: ChatIdentity, day: str, days: int = 1) -> list[Any]:
    """Reads a range; the pages hold its neighbours too."""
    start, end = day_bounds(day, days)
    pages = await pages_of(reader, identity, day, days)
    return [told(each) for page in pages for each in page.messages if start <= each.date < end]


@pytest.mark.parametrize("chat", sorted(SPELLINGS))
async def test_a_day_and_a_range_equal_the_truth_for_every_kind_of_chat(
    sandbox: Any, settings: Settings, account: AccountStore, chat: str
) -> None:
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling(SPELLINGS[chat]))

        assert await read(reader, identity, "2025-11-07") == true_of(sandbox, chat, ["2025-11-07"])
        assert await read(reader, identity, "2025-11-06", 3) == true_of(
            sandbox, chat, ["2025-11-06", "2025-11-07", "2025-11-08"]
        )
        assert await read(reader, identity, "2025-12-01") == []


async def test_everyone_who_wrote_stands_in_the_page(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        for page in await pages_of(reader, identity, "2025-11-07"):
            known = {("User", user.id) for user in page.users} | {("Chat", chat.id) for chat in page.chats}
            for record in page.messages:
                sender = record.value["from_id"]
                if sender:
                    number = sender.get("user_id") or sender.get("channel_id")
                    assert ("User" if sender["_"] == "PeerUser" else "Chat", number) in known


def volume_world(messages_per_day: Any, first: str, last: str) -> dict[str, Any]:
    return {
        **WORLD,
        "chats": {
            "talk": {
                "type": "supergroup",
                "username": "busy_talk",
                "days": {"from": first, "to": last},
                "messages_per_day": messages_per_day,
                "mix": {"gaps": 0},
            }
        },
    }


@pytest.mark.parametrize(
    ("first", "volumes", "day", "days", "requests"),
    [
        ("2025-11-01", 450, "2025-11-02", 1, 5),
        ("2025-11-01", 450, "2025-11-01", 1, 5),
        ("2025-11-01", 5, "2025-11-03", 30, 2),
        ("2025-11-01", 100, "2025-11-02", 1, 2),
        ("2025-11-01", 0, "2025-11-02", 1, 1),
    ],
)
async def test_a_range_costs_one_request_for_each_hundred_messages_and_one_more(
    telegram_sandbox: Any, settings: Settings, *, first: str, volumes: int, day: str, days: int, requests: int
) -> None:
    sandbox = telegram_sandbox(volume_world(volumes, first, "2025-12-10"))
    AccountStore(settings.session_dir).save("main", sandbox.session)
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        found = await read(reader, identity, day, days)

    assert len(found) >= volumes * days
    assert len(methods(sandbox, "messages.getHistory")) == requests
    assert reader.requests_by_method["messages.getHistory"] == requests


async def test_the_next_page_is_asked_for_while_the_present_one_is_mapped(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        async with aclosing(reader.history(identity, *day_bounds("2025-11-06", 2))) as pages:
            first = await anext(pages)
            assert len(first.messages) == 100
            # The page is held until the next one has shown that it is whole; then the third is on its way
            # before anything is done with this one.
            assert reader.requests_by_method["messages.getHistory"] == 3

        # Leaving early leaves no request behind that would disturb the next one.
        assert await read(reader, identity, "2025-11-05") == true_of(sandbox, "talk", ["2025-11-05"])


async def test_short_pages_are_no_end(sandbox: Any, settings: Settings, account: AccountStore) -> None:
    sandbox.add_fault(method="messages.getHistory", short_page=7, every=2)
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))

        assert await read(reader, identity, "2025-11-07") == true_of(sandbox, "talk", ["2025-11-07"])


async def test_an_empty_page_that_contradicts_its_own_count_is_asked_for_again(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    sandbox.add_fault(method="messages.getHistory", empty_page=True, after=1, times=1)
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))

        assert await read(reader, identity, "2025-11-07") == true_of(sandbox, "talk", ["2025-11-07"])


async def test_the_beginning_of_a_chat_ends_the_walk(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    days = ["2025-11-05", "2025-11-06", "2025-11-07", "2025-11-08"]
    async with open_reader(settings) as reader:
        for chat in ("talk", "club", "friend"):
            identity = await reader.resolve(parse_spelling(SPELLINGS[chat]))
            found = await read(reader, identity, "2025-10-01", 60)
            assert [each for each in found if each[1][:10] in days] == true_of(sandbox, chat, days)


async def test_the_past_of_a_migrated_group_is_read_from_the_basic_group(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("moved_house"))
        assert identity.migrated_from_chat_id is not None
        async with aclosing(reader.past_history(identity, *day_bounds("2025-11-02", 2))) as pages:
            start, end = day_bounds("2025-11-02", 2)
            found = [told(each) async for page in pages for each in page.messages if start <= each.date < end]

    assert found == true_of(sandbox, "moved_before", ["2025-11-02", "2025-11-03"])


async def test_comments_equal_the_truth_post_for_post(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    known = sandbox.truth()["chats"]["news"]["days"]["2025-11-07"]["messages"]
    compared = 0
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@daily_news"))
        for page in await pages_of(reader, identity, "2025-11-07"):
            for record in page.messages:
                post = next((post for post in known if post["id"] == record.id), None)
                if post is None:
                    continue  # a neighbour of the day
                expected = post.get("comments") or []
                replies = record.value.get("replies") or {}
                assert (replies.get("replies") or 0) == len(expected)
                if not expected:
                    continue
                comments = await reader.comments(identity, record.id, 50)
                assert comments.outcome == "read"
                assert comments.total == len(expected)
                assert [told(comment) for comment in comments.messages] == [
                    (comment["id"], comment["date"], comment["text"]) for comment in expected
                ]
                compared += 1
    assert compared


async def test_comments_are_limited_to_the_newest_and_paged_beyond_a_hundred(
    telegram_sandbox: Any, settings: Settings
) -> None:
    world = {
        **WORLD,
        "chats": {
            "news": {
                **WORLD["chats"]["news"],
                "days": {"from": "2025-11-07", "to": "2025-11-07"},
                "messages_per_day": 1,
                "comments": {"share": 1, "exactly": 130},
                "mix": {"service": 0, "gaps": 0},
            }
        },
    }
    sandbox = telegram_sandbox(world)
    AccountStore(settings.session_dir).save("main", sandbox.session)
    post = next(
        each
        for each in sandbox.truth()["chats"]["news"]["days"]["2025-11-07"]["messages"]
        if each.get("comments")
    )
    ids = [comment["id"] for comment in post["comments"]]
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@daily_news"))

        few = await reader.comments(identity, post["id"], 10)
        assert [comment.id for comment in few.messages] == ids[-10:]
        assert few.total == 130
        every = await reader.comments(identity, post["id"], 1000)
        assert [comment.id for comment in every.messages] == ids
        assert reader.requests_by_method["messages.getReplies"] == 3


@pytest.mark.parametrize("error", ["CHANNEL_PRIVATE", "MSG_ID_INVALID", "CHANNEL_PUBLIC_GROUP_NA"])
async def test_a_discussion_that_may_not_be_read_is_unavailable_with_the_reason(
    sandbox: Any, settings: Settings, account: AccountStore, error: str
) -> None:
    sandbox.add_fault(method="messages.getReplies", error=error)
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@daily_news"))
        comments = await reader.comments(identity, 5, 50)

    assert comments.outcome == "unavailable"
    assert error in str(comments.reason)
    assert comments.messages == ()


async def test_a_private_chat_is_no_access_and_not_an_empty_day(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    sandbox.add_fault(method="messages.getHistory", error="CHANNEL_PRIVATE")
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        with pytest.raises(FetchError, match="chat busy_talk: the chat is private") as failure:
            await read(reader, identity, "2025-11-07")
    assert failure.value.error_type is ErrorType.NO_ACCESS


async def test_the_first_message_is_found_with_one_request(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    truth = sandbox.truth()["chats"]
    async with open_reader(settings) as reader:
        for chat, spelling in SPELLINGS.items():
            identity = await reader.resolve(parse_spelling(spelling))
            first = await reader.first_message_date(identity)
            days = truth[chat]["days"]
            oldest = days[min(days)]["messages"][-1]
            assert first is not None
            assert first.strftime("%Y-%m-%dT%H:%M:%SZ") == oldest["date"]
    assert len(methods(sandbox, "messages.getHistory")) == len(SPELLINGS)
