"""What a test can make odd: exact messages, altered answers, the clock, forbidden and migrated groups."""

from datetime import UTC, datetime

import pytest
from telethon import TelegramClient
from telethon.errors import MessageIdInvalidError, TypeNotFoundError
from telethon.sessions import StringSession
from telethon.tl import functions, types

from tg_fetcher_dagster_tests.sandbox.worlds import EVERY_KIND
from tg_fetcher_sandbox.exact_messages import Exact
from tg_fetcher_sandbox.truth import world_truth

NOON = int(datetime(2025, 11, 7, 12, tzinfo=UTC).timestamp())


def _client(telegram, **how):
    return TelegramClient(StringSession(telegram.session), 1, "hash", receive_updates=False, **how)


async def _page(client, peer, **window):
    asked = {"offset_id": 0, "offset_date": None, "add_offset": 0, "limit": 100, "max_id": 0, "min_id": 0}
    return await client(functions.messages.GetHistoryRequest(peer=peer, hash=0, **{**asked, **window}))


async def test_an_exact_message_stands_by_its_id_whatever_its_date(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    world = telegram.world
    chat = world.chats["quiet"]
    peer_id = types.PeerChannel(-chat.peer - 10**12)
    telegram.put("quiet", types.Message(id=900, peer_id=peer_id, date=NOON, message="new"))
    telegram.put("quiet", types.Message(id=901, peer_id=peer_id, date=0, message="without a date"))
    async with _client(telegram) as client:
        page = await _page(client, await client.get_input_entity("quiet_group"))
        dated = await _page(client, await client.get_input_entity("quiet_group"), offset_date=NOON)
    assert [message.id for message in page.messages][:2] == [901, 900]
    assert page.messages[0].date == datetime(1970, 1, 1, tzinfo=UTC)
    assert page.count == len(page.messages)
    assert dated.messages[0].id == 900  # its place is a count: one message is as new as that moment
    days = world_truth(world)["chats"]["quiet"]["days"]
    assert [told["id"] for told in days["1970-01-01"]["messages"]] == [901]
    world.delete("quiet", 901)
    assert "1970-01-01" not in world_truth(world)["chats"]["quiet"]["days"]


async def test_an_answer_is_altered_so_often_and_no_more(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)

    def without_the_newest(answer, _request):
        answer.messages = answer.messages[1:]
        return answer

    async with _client(telegram) as client:
        peer = await client.get_input_entity("busy_group")
        whole = await _page(client, peer)
        telegram.rewrite("messages.getHistory", without_the_newest, after=1, times=1)
        pages = [await _page(client, peer) for _ in range(3)]
    assert [len(page.messages) for page in pages] == [100, 99, 100]
    assert [message.id for message in pages[1].messages] == [each.id for each in whole.messages[1:]]


async def test_bytes_that_no_schema_knows_are_sent_as_they_are(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    telegram.put("quiet", Exact(number=902, at=NOON, body=b"\xef\xbe\xad\xde"))
    telegram.rewrite("messages.getHistory", lambda answer, _request: answer)
    async with _client(telegram) as client:
        peer = await client.get_input_entity("quiet_group")
        with pytest.raises(TypeNotFoundError):
            await _page(client, peer)
        assert (await _page(client, peer, offset_id=902)).count > 0


async def test_the_servers_clock_is_what_it_says_and_numbers_with(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    telegram.set_clock(-86_400)
    async with _client(telegram) as client:
        config = await client(functions.help.GetConfigRequest())
    behind = (datetime.now(UTC) - config.date).total_seconds()
    assert round(behind / 86_400) == 1


async def test_the_servers_clock_can_stand_still(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    noon = datetime(2025, 11, 7, 12, tzinfo=UTC)
    telegram.stop_clock(noon)
    async with _client(telegram) as client:
        dates = [(await client(functions.help.GetConfigRequest())).date for _ in range(3)]
    assert dates == [noon] * 3
    assert telegram.now() == noon
    telegram.set_clock(0)
    assert telegram.now() > noon


async def test_a_basic_group_that_keeps_the_account_out_answers_with_an_empty_page(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    telegram.world.keep_out("family")
    group = telegram.world.chats["family"]
    async with _client(telegram) as client:
        page = await _page(client, types.InputPeerChat(-group.peer))
    assert page.messages == []
    assert [type(chat) for chat in page.chats] == [types.ChatForbidden]


async def test_a_basic_group_becomes_a_supergroup_while_it_is_served(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    world = telegram.world
    name = world.migrate("family", at=NOON + 86_400)
    async with _client(telegram) as client:
        old = await _page(client, types.InputPeerChat(-world.chats["family"].peer))
        channel = next(chat for chat in old.chats if isinstance(chat, types.Channel))
        new = await _page(client, types.InputPeerChannel(channel.id, channel.access_hash))
        full = await client(
            functions.channels.GetFullChannelRequest(types.InputChannel(channel.id, channel.access_hash))
        )
    group = next(chat for chat in old.chats if isinstance(chat, types.Chat))
    assert group.deactivated
    assert group.migrated_to.channel_id == channel.id
    assert isinstance(old.messages[0].action, types.MessageActionChatMigrateTo)
    assert isinstance(new.messages[-1].action, types.MessageActionChannelMigrateFrom)
    assert full.full_chat.migrated_from_chat_id == group.id
    assert world.chats[name].peer == -(10**12) - channel.id


async def test_a_hidden_history_says_where_it_begins_until_it_is_shown(telegram_sandbox):
    chats = {
        "club": {
            "type": "supergroup",
            "username": "club_group",
            "messages_per_day": 5,
            "mix": {"gaps": 0},
            "hidden_before": "2025-11-07",
        }
    }
    telegram = telegram_sandbox({"days": {"from": "2025-11-05", "to": "2025-11-07"}, "chats": chats})
    async with _client(telegram) as client:
        channel = await client.get_input_entity("club_group")
        full = functions.channels.GetFullChannelRequest(channel)
        hidden = (await client(full)).full_chat
        page = await _page(client, channel)
        telegram.world.show_history("club")
        shown = (await client(full)).full_chat
        assert (await _page(client, channel)).count == 15
    assert hidden.hidden_prehistory
    assert hidden.available_min_id == page.messages[-1].id - 1
    assert shown.available_min_id is None


async def test_a_rich_message_in_part_is_given_whole_by_its_id(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    peer_id = types.PeerChannel(-telegram.world.chats["quiet"].peer - 10**12)

    def rich(number, *texts, part=False):
        blocks = [types.PageBlockParagraph(types.TextPlain(text)) for text in texts]
        content = types.RichMessage(blocks=blocks, photos=[], documents=[], part=part)
        return types.Message(id=number, peer_id=peer_id, date=NOON, message="", rich_message=content)

    telegram.put("quiet", rich(900, "first", part=True), rich(901, "all", part=True))
    telegram.put_whole("quiet", rich(900, "first", "last"))
    async with _client(telegram) as client:
        peer = await client.get_input_entity("quiet_group")
        page = await _page(client, peer)
        whole = await client(functions.messages.GetRichMessageRequest(peer, 900))
        same = await client(functions.messages.GetRichMessageRequest(peer, 901))
        with pytest.raises(MessageIdInvalidError):
            await client(functions.messages.GetRichMessageRequest(peer, 902))
    assert [message.rich_message.part for message in page.messages[:2]] == [True, True]
    assert [len(whole.messages[0].rich_message.blocks), whole.messages[0].rich_message.part] == [2, False]
    assert same.messages[0].rich_message.part is True
