"""What every page says of the chat itself, and what is no chat at all."""

from typing import Any

import pytest
from telethon.tl import types

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.access import ChatMigratedError, own_entity
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.peers import by_marked_id, marked_id_of, seen_again
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster_tests.telegram.conftest import day_bounds

DAY = day_bounds("2025-11-07")
CHAT = types.ChatPhotoEmpty()


async def seen(reader: TelegramReader, known: ChatIdentity) -> list[ChatIdentity]:
    return [reader.seen_again(known, page) async for page in reader.history(known, *DAY)]


@pytest.mark.parametrize("spelling", ["@daily_news", "@busy_talk", "channel_7001", "chat_501", "user_4242"])
async def test_a_page_shows_the_chat_as_it_is_known_and_then_it_is_the_same_object(
    sandbox: Any, settings: Settings, account: AccountStore, spelling: str
) -> None:
    async with open_reader(settings) as reader:
        known = await reader.resolve(parse_spelling(spelling))
        pages = await seen(reader, known)
    assert pages
    assert all(each is known for each in pages)


async def test_a_page_tells_of_a_new_title_of_topics_and_of_names(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings) as reader:
        known = await reader.resolve(parse_spelling("@busy_talk"))
        sandbox.world.retitle("talk", "Quiet now")
        sandbox.world.rename("talk", "Quiet_Talk")
        sandbox.world.set_forum("talk", forum=True)
        before = len(sandbox.requests)

        now = (await seen(reader, known))[0]

    assert (now.title, now.username, now.names, now.forum) == (
        "Quiet now",
        "Quiet_Talk",
        {"quiet_talk"},
        True,
    )
    assert (now.key, now.marked_id, now.access_hashes) == ("busy_talk", known.marked_id, known.access_hashes)
    assert {record["method"] for record in sandbox.requests[before:]} == {"messages.getHistory"}


async def test_several_names_and_bought_ones_are_all_the_chats(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    def several(answer: Any, _request: Any) -> Any:
        for chat in answer.chats:
            if getattr(chat, "username", None) == "Busy_Talk":
                chat.username = None
                chat.usernames = [
                    types.Username("Talk", active=True),
                    types.Username("Busy_Talk", active=True, editable=True),
                    types.Username("asleep", editable=True),
                ]
        return answer

    sandbox.rewrite("contacts.resolveUsername", several)
    sandbox.rewrite("messages.getHistory", several)
    async with open_reader(settings) as reader:
        known = await reader.resolve(parse_spelling("@busy_talk"))
        assert (known.username, known.usernames) == ("Talk", ("Talk", "Busy_Talk"))
        assert known.key == "talk"
        assert all(each is known for each in await seen(reader, known))


async def test_a_page_in_part_and_a_forbidden_chat_change_nothing(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings) as reader:
        known = await reader.resolve(parse_spelling("@busy_talk"))
    number = -known.marked_id - 10**12
    partly = types.Channel(number, "Partly", CHAT, date=0, min=True)
    closed = types.ChannelForbidden(number, 1, "Closed")
    group = types.Chat(number, "Group of the same number", CHAT, 1, 0, 1)
    assert own_entity(types.messages.Messages([], [], [group, partly], []), known.marked_id) is None
    assert own_entity(types.messages.Messages([], [], [group, closed], []), known.marked_id) is closed
    for entity in (closed, group, None):
        assert seen_again(known, entity, user_id=1) is known


def test_a_linked_group_that_is_gone_and_one_that_is_not_told() -> None:
    known = ChatIdentity.model_validate(
        {
            "key": "n", "marked_id": -1000000000005, "type": "channel", "title": "N", "linked_chat_id": 9,
            "usernames": (), "added_at": "2025-11-07T00:00:00Z",
        }
    )  # fmt: skip
    channel = types.Channel(5, "N", CHAT, date=0, broadcast=True, has_link=True)
    assert seen_again(known, channel, user_id=1) is known
    channel.has_link = None
    assert seen_again(known, channel, user_id=1).linked_chat_id is None


def test_what_no_table_lists_has_no_marked_id() -> None:
    community = types.Community(7002, "Community", CHAT, date=None)
    forbidden = types.CommunityForbidden(4242, "Closed")
    user = types.User(4242, first_name="Fred")
    for stranger in (community, forbidden, types.InputPeerEmpty(), types.DialogFolder, None):
        assert marked_id_of(stranger) is None
    assert by_marked_id([community, user, forbidden]) == {4242: user}
    assert marked_id_of(types.ChatEmpty(5)) == -5
    assert marked_id_of(types.UserEmpty(5)) == 5


async def test_a_community_is_named_and_left_out_never_taken_for_somebody(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    def with_communities(answer: Any, _request: Any) -> Any:
        # The same numbers as the channel `hidden`, the group `club` and the user `friend`.
        for number in (7002, 501, 4242):
            answer.chats += [
                types.Community(number, "Community", CHAT, date=None),
                types.CommunityForbidden(number, "Closed"),
            ]
        if hasattr(answer, "dialogs"):
            answer.dialogs.append(types.DialogCommunity(7002, types.PeerNotifySettings()))
        return answer

    sandbox.rewrite("messages.getDialogs", with_communities)
    sandbox.rewrite("messages.getHistory", with_communities)
    sandbox.rewrite("contacts.resolveUsername", with_communities)
    async with open_reader(settings) as reader:
        listed = {identity.marked_id: identity.title async for identity, _ in reader.dialogs()}
        assert "Community" not in listed.values()
        assert {-1000000007002, -501, 4242} <= listed.keys()
        for spelling in ("channel_7002", "user_4242", "@daily_news"):
            known = await reader.resolve(parse_spelling(spelling))
            assert all(each is known for each in await seen(reader, known))


async def test_a_name_that_leads_to_a_community_says_so(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    def community(answer: Any, _request: Any) -> Any:
        [channel] = answer.chats
        answer.chats = [types.Community(channel.id, "Community", CHAT, date=None)]
        return answer

    sandbox.rewrite("contacts.resolveUsername", community)
    async with open_reader(settings) as reader:
        with pytest.raises(FetchError, match=r"@daily_news: Telegram named no chat .*Community"):
            await reader.resolve(parse_spelling("@daily_news"))


async def test_a_group_that_has_migrated_tells_of_its_supergroup(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings) as reader:
        known = await reader.resolve(parse_spelling("chat_501"))
        name = sandbox.world.migrate("club", at=1762600000)
        with pytest.raises(ChatMigratedError) as moved:
            await seen(reader, known)
        successor = reader.successor(known, moved.value)

        assert successor.marked_id == sandbox.world.chats[name].peer
        assert (successor.type, successor.migrated_from_chat_id) == ("supergroup", 501)
        assert successor.reader_user_id == reader.user_id
        assert reader.can_address(successor)
        assert [page async for page in reader.history(successor, *day_bounds("2025-11-08"))]
