"""An account addresses a chat with its own user's access hash, looked up once more where it is stale."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.chats.identity import ChatIdentity, UsernameMovedError
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster_tests.telegram.conftest import WORLD, day_bounds, methods

DAY = day_bounds("2025-11-07")
LOOK_UPS = ("contacts.resolveUsername", "messages.getDialogs", "channels.getChannels")


def look_ups(sandbox: Any) -> dict[str, int]:
    """How often a chat was looked up, by method."""
    counts = {method: len(methods(sandbox, method)) for method in LOOK_UPS}
    return {method: count for method, count in counts.items() if count}


async def known_chats(settings: Settings, *spellings: str) -> list[ChatIdentity]:
    async with open_reader(settings) as reader:
        return [await reader.resolve(parse_spelling(spelling)) for spelling in spellings]


def with_hashes(known: ChatIdentity, hashes: dict[str, int]) -> ChatIdentity:
    return known.model_copy(update={"access_hashes": hashes})


async def texts(reader: TelegramReader, known: ChatIdentity) -> list[str]:
    return [
        message.value.get("message", "")
        async for page in reader.history(known, *DAY)
        for message in page.messages
    ]


def stale(known: ChatIdentity) -> ChatIdentity:
    return with_hashes(known, dict.fromkeys(known.access_hashes, 12345))


@pytest.mark.parametrize("spelling", ["@busy_talk", "channel_7002", "fred_the_friend"])
async def test_a_stale_hash_is_looked_up_once_and_the_walk_goes_on(
    sandbox: Any, settings: Settings, account: AccountStore, spelling: str
) -> None:
    [known] = await known_chats(settings, spelling)
    sandbox.clear_requests()

    async with open_reader(settings) as reader:
        assert await texts(reader, stale(known))
        assert await texts(reader, stale(known))

    assert len(methods(sandbox, "messages.getDialogs")) == 1
    assert not methods(sandbox, "contacts.resolveUsername")
    refused = [record for record in sandbox.requests if record["error"]]
    assert [record["error"] for record in refused] in (["CHANNEL_INVALID"], ["PEER_ID_INVALID"])


async def test_a_stale_hash_of_a_chat_that_is_no_dialog_is_looked_up_by_its_name(
    telegram_sandbox: Any, settings: Settings
) -> None:
    open_talk = {
        "type": "supergroup",
        "username": "open_talk",
        "messages_per_day": 3,
        "accounts": ["guarded"],
    }
    sandbox = telegram_sandbox({**WORLD, "chats": {"open": open_talk}})
    AccountStore(settings.session_dir).save("main", sandbox.session)
    [known] = await known_chats(settings, "@open_talk")
    sandbox.clear_requests()
    async with open_reader(settings) as reader:
        assert await texts(reader, stale(known))
    assert len(methods(sandbox, "contacts.resolveUsername")) == 1

    sandbox.world.rename("open", None)
    sandbox.world.rename("outside_channel", "open_talk")
    async with open_reader(settings) as reader:
        with pytest.raises(UsernameMovedError, match="chat open_talk: account main does not know it"):
            await texts(reader, stale(known))


async def test_a_chat_that_is_gone_is_looked_for_once_a_run_and_then_not_found(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    [known] = await known_chats(settings, "channel_7002")
    gone = with_hashes(known, known.access_hashes).model_copy(update={"marked_id": -1000000007999})
    sandbox.clear_requests()
    async with open_reader(settings) as reader:
        for _ in range(2):
            with pytest.raises(FetchError, match="CHANNEL_INVALID") as failure:
                await texts(reader, gone)
    assert failure.value.error_type is ErrorType.NOT_FOUND
    assert look_ups(sandbox) == {"messages.getDialogs": 1}


async def test_no_access_is_no_stale_hash(sandbox: Any, settings: Settings, account: AccountStore) -> None:
    [known] = await known_chats(settings, "@busy_talk")
    sandbox.world.keep_out("talk")
    sandbox.clear_requests()
    async with open_reader(settings) as reader:
        with pytest.raises(FetchError, match="CHANNEL_PRIVATE") as failure:
            await texts(reader, known)
    assert failure.value.error_type is ErrorType.NO_ACCESS
    assert not look_ups(sandbox)


async def test_a_known_chat_with_a_stale_hash_is_resolved_anew(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    for known in await known_chats(settings, "channel_7002", "user_4242"):
        async with open_reader(settings) as reader:
            again = await reader.resolve(parse_spelling(str(known.marked_id)), stale(known))
        assert again.access_hashes == known.access_hashes


def label_keyed(known: Iterable[ChatIdentity], *, added_at: datetime) -> list[ChatIdentity]:
    """As tables of before have them."""
    return [
        with_hashes(each, {"main": next(iter(each.access_hashes.values()))}).model_copy(
            update={"added_at": added_at, "account": "main", "reader_user_id": None, "usernames": None}
        )
        for each in known
    ]


async def test_a_hash_under_the_accounts_label_is_read_where_nobody_else_had_the_label_since(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    known = await known_chats(settings, "@busy_talk", "user_4242")
    after, before = (datetime.now(UTC) + timedelta(seconds=sign) for sign in (60, -60))
    sandbox.clear_requests()
    async with open_reader(settings) as reader:
        for each in label_keyed(known, added_at=after):
            assert reader.can_address(each)
            assert await texts(reader, each)
    assert not look_ups(sandbox)
    async with open_reader(settings) as reader:
        for each in label_keyed(known, added_at=before):
            assert not reader.can_address(each), "who was signed in when it was seen is not known"
            assert await texts(reader, each)
    assert look_ups(sandbox) == {"messages.getDialogs": 1}


async def test_another_user_under_a_known_label_takes_no_hash_of_the_one_before(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    [known] = await known_chats(settings, "@busy_talk")
    account.save("main", sandbox.sessions["guarded"])
    sandbox.clear_requests()
    async with open_reader(settings) as reader:
        assert not reader.can_address(known)
        assert await texts(reader, known)
    assert not [record for record in sandbox.requests if record["error"]]


@pytest.mark.parametrize("spelling", ["user_4242", "chat_501"])
async def test_ids_that_are_a_users_own_are_not_continued_by_another_user(
    sandbox: Any, settings: Settings, account: AccountStore, spelling: str
) -> None:
    [known] = await known_chats(settings, spelling)
    owner = sandbox.world.account("main").user_id
    assert known.reader_user_id == owner
    account.save("main", sandbox.sessions["guarded"])
    sandbox.clear_requests()
    async with open_reader(settings) as reader:
        with pytest.raises(
            FetchError, match=f"hold the message ids of the Telegram user {owner};"
        ) as failure:
            await texts(reader, known)
    assert failure.value.error_type is ErrorType.NO_ACCESS
    assert not methods(sandbox, "messages.getHistory")


async def test_the_past_of_a_migrated_group_is_not_continued_by_another_user_but_its_present_is(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    [known] = await known_chats(settings, "@moved_house")
    account.save("main", sandbox.sessions["guarded"])
    async with open_reader(settings) as reader:
        assert await texts(reader, known)
        with pytest.raises(FetchError, match="hold the message ids of the Telegram user"):
            [page async for page in reader.past_history(known, *day_bounds("2025-11-02"))]
