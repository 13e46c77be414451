"""What the methods answer to an account, called as the server calls them but without a wire."""

import pytest
from telethon.extensions import BinaryReader
from telethon.tl import functions, types
from telethon.utils import get_input_channel, get_input_peer, get_peer_id

from tg_fetcher_dagster_tests.sandbox.worlds import world
from tg_fetcher_sandbox.methods.catalogue import METHODS, register_all
from tg_fetcher_sandbox.rpc import Caller, Dispatcher, RpcError
from tg_fetcher_sandbox.truth import world_truth

HISTORY = {"offset_id": 0, "offset_date": None, "add_offset": 0, "max_id": 0, "min_id": 0, "hash": 0}
PAGE = {**HISTORY, "limit": 100}


class Session:
    """One account's calls; answers go through bytes, as over the wire."""

    def __init__(self, made, account="main"):
        self.world = made
        self.dispatcher = Dispatcher()
        register_all(self.dispatcher, made)
        self.caller = Caller(account=made.account(account) if account else None)

    async def __call__(self, request):
        sent = BinaryReader(bytes(request._bytes())).tgread_object()
        answer = await self.dispatcher.answer(sent, self.caller)
        if isinstance(answer, list | bool):
            return answer
        return BinaryReader(bytes(answer._bytes())).tgread_object()

    async def peer(self, name):
        dialogs = await self(functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), 100, 0))
        wanted = self.world.chats[name].peer
        entities = [*dialogs.chats, *dialogs.users]
        return get_input_peer(next(one for one in entities if get_peer_id(one) == wanted))


@pytest.fixture
def main():
    return Session(world())


async def refusal(call):
    with pytest.raises(RpcError) as caught:
        await call
    return caught.value.message


async def test_nobody_is_told_anything_before_signing_in():
    stranger = Session(world(), account=None)
    for request in (
        functions.contacts.ResolveUsernameRequest("busy_group"),
        functions.updates.GetStateRequest(),
        functions.messages.GetHistoryRequest(peer=types.InputPeerSelf(), **PAGE),
    ):
        assert await refusal(stranger(request)) == "AUTH_KEY_UNREGISTERED"


@pytest.mark.parametrize(
    ("username", "said"), [("nobody_here", "USERNAME_NOT_OCCUPIED"), ("1bad", "USERNAME_INVALID")]
)
async def test_a_username_that_means_nobody_is_refused(main, username, said):
    assert await refusal(main(functions.contacts.ResolveUsernameRequest(username))) == said


async def test_a_username_is_resolved_whatever_its_case(main):
    found = await main(functions.contacts.ResolveUsernameRequest("sandbox_NEWS"))
    assert get_peer_id(found.peer) == main.world.chats["news"].peer
    assert found.chats[0].broadcast
    person = await main(functions.contacts.ResolveUsernameRequest("anna_p"))
    assert person.users[0].first_name == "Анна"


async def test_an_access_hash_is_worth_nothing_to_another_account(main):
    peer = await main.peer("busy")
    second = Session(main.world, "second")
    assert await refusal(second(functions.messages.GetHistoryRequest(peer=peer, **PAGE))) == "CHANNEL_INVALID"
    user = types.InputPeerUser(main.world.by_peer[main.world.chats["talk"].peer].peer, 12345)
    assert await refusal(main(functions.messages.GetHistoryRequest(peer=user, **PAGE))) == "PEER_ID_INVALID"


async def test_a_private_channel_is_private_and_not_empty(main):
    peer = await main.peer("secret")
    for request in (
        functions.messages.GetHistoryRequest(peer=peer, **PAGE),
        functions.channels.GetFullChannelRequest(get_input_channel(peer)),
        functions.channels.GetMessagesRequest(get_input_channel(peer), [types.InputMessageID(1)]),
    ):
        assert await refusal(main(request)) == "CHANNEL_PRIVATE"


async def test_a_group_that_is_none_is_refused(main):
    history = functions.messages.GetHistoryRequest(peer=types.InputPeerChat(5), **PAGE)
    assert await refusal(main(history)) == "PEER_ID_INVALID"
    assert await refusal(main(functions.messages.GetFullChatRequest(5))) == "CHAT_ID_INVALID"


@pytest.mark.parametrize("name", ["news", "busy", "forum", "family", "talk", "quiet", "news_discussion"])
async def test_walking_the_pages_gives_the_whole_truth(main, name):
    peer = await main.peer(name)
    days = world_truth(main.world, chats=[name])["chats"][name]["days"]
    true = [message["id"] for day in sorted(days, reverse=True) for message in days[day]["messages"]]
    walked = []
    while True:
        offset = {**HISTORY, "offset_id": walked[-1] if walked else 0}
        page = await main(functions.messages.GetHistoryRequest(peer=peer, limit=70, **offset))
        if not page.messages:
            break
        if not isinstance(page, types.messages.Messages):
            assert page.count == len(true)
            assert (page.offset_id_offset or 0) == len(walked)
        walked += [message.id for message in page.messages]
    assert walked == true


@pytest.mark.parametrize("name", ["news", "busy", "forum", "family", "talk", "news_discussion"])
async def test_everybody_on_a_page_is_described_on_it(main, name):
    peer = await main.peer(name)
    page = await main(functions.messages.GetHistoryRequest(peer=peer, **PAGE))
    described = {get_peer_id(entity) for entity in (*page.users, *page.chats)}
    for message in page.messages:
        for mentioned in (
            message.from_id,
            message.peer_id,
            getattr(message.fwd_from, "from_id", None),
            getattr(message.fwd_from, "saved_from_peer", None),
            *(one.peer_id for one in getattr(message.reactions, "recent_reactions", None) or ()),
            *getattr(message.action, "users", ()),
        ):
            assert mentioned is None or get_peer_id(mentioned) in described


async def test_only_a_slice_is_counted_where_the_account_numbers_messages(main):
    peer = await main.peer("family")
    whole = await main(functions.messages.GetHistoryRequest(peer=peer, **PAGE))
    part = await main(functions.messages.GetHistoryRequest(peer=peer, limit=10, **HISTORY))
    assert isinstance(whole, types.messages.Messages)
    assert isinstance(part, types.messages.MessagesSlice)
    assert part.count == len(whole.messages)


async def test_deleted_messages_are_empty_when_asked_for_by_id(main):
    peer = await main.peer("busy")
    there = list(main.world.history(main.world.chats["busy"], main.world.account("main")).ids)
    deleted = sorted(set(range(1, there[-1])) - set(there))
    assert deleted
    numbers = [number for number in range(deleted[0] - 5, deleted[0] + 20) if number > 0]
    asked = [types.InputMessageID(number) for number in numbers]
    answer = await main(functions.channels.GetMessagesRequest(get_input_channel(peer), asked))
    assert [message.id for message in answer.messages] == numbers
    empty = [message.id for message in answer.messages if isinstance(message, types.MessageEmpty)]
    assert empty == sorted(set(numbers) - set(there))


async def test_what_a_message_answers_is_found_by_the_answers_id(main):
    peer = await main.peer("busy")
    page = await main(functions.messages.GetHistoryRequest(peer=peer, **PAGE))
    answer = next(one for one in page.messages if one.reply_to and isinstance(one, types.Message))
    request = functions.channels.GetMessagesRequest(
        get_input_channel(peer), [types.InputMessageReplyTo(answer.id)]
    )
    assert (await main(request)).messages[0].id == answer.reply_to.reply_to_msg_id


async def test_more_than_a_hundred_ids_are_refused(main):
    asked = [types.InputMessageID(number) for number in range(101)]
    assert await refusal(main(functions.messages.GetMessagesRequest(asked))) == "MSG_ID_INVALID"


async def test_the_accounts_own_messages_are_found_without_a_peer(main):
    truth = world_truth(main.world, chats=["family", "talk"])["chats"]
    ids = [next(iter(chat["days"].values()))["messages"][0]["id"] for chat in truth.values()]
    asked = [types.InputMessageID(number) for number in (*ids, 10**6)]
    answer = await main(functions.messages.GetMessagesRequest(asked))
    peers = [get_peer_id(message.peer_id) for message in answer.messages[:2]]
    assert peers == [chat["marked_id"] for chat in truth.values()]
    assert isinstance(answer.messages[2], types.MessageEmpty)


async def test_replies_to_a_post_are_its_comments(main):
    peer = await main.peer("news")
    days = world_truth(main.world, chats=["news"])["chats"]["news"]["days"]
    posts = [post for day in days.values() for post in day["messages"] if post.get("comments")]
    for post in posts[:5]:
        answer = await main(functions.messages.GetRepliesRequest(peer=peer, msg_id=post["id"], **PAGE))
        assert [one.id for one in answer.messages] == [one["id"] for one in reversed(post["comments"])]
        assert answer.count == len(post["comments"])
        root = await main(functions.messages.GetDiscussionMessageRequest(peer, post["id"]))
        assert root.messages[0].fwd_from.channel_post == post["id"]
        assert root.max_id == post["comments"][-1]["id"]


async def test_a_message_without_a_thread_is_refused(main):
    peer = await main.peer("news")
    request = functions.messages.GetRepliesRequest(peer=peer, msg_id=9999, **PAGE)
    assert await refusal(main(request)) == "MSG_ID_INVALID"


async def test_comments_in_a_closed_group_are_refused_and_not_empty(main):
    peer = await main.peer("news")
    main.world.keep_out("news_discussion", "main")
    request = functions.messages.GetRepliesRequest(peer=peer, msg_id=1, **PAGE)
    assert await refusal(main(request)) == "CHANNEL_PRIVATE"


async def test_a_full_channel_names_the_linked_group_and_the_old_one(main):
    news, forum = await main.peer("news"), await main.peer("forum")
    linked = await main(functions.channels.GetFullChannelRequest(get_input_channel(news)))
    assert linked.full_chat.linked_chat_id == next(
        chat.id for chat in linked.chats if get_peer_id(chat) == main.world.chats["news_discussion"].peer
    )
    migrated = await main(functions.channels.GetFullChannelRequest(get_input_channel(forum)))
    before = main.world.chats["forum_before"]
    assert migrated.full_chat.migrated_from_chat_id == -before.peer
    last = main.world.history(before, main.world.account("main")).top_id
    assert migrated.full_chat.migrated_from_max_id == last


async def test_a_full_group_names_its_members(main):
    chat = main.world.chats["family"]
    full = await main(functions.messages.GetFullChatRequest(-chat.peer))
    listed = {one.user_id for one in full.full_chat.participants.participants}
    assert listed == {user.id for user in full.users}
    assert {member.id for member in chat.members} <= listed


async def test_a_forum_lists_its_topics_and_their_messages(main):
    peer = await main.peer("forum")
    topics = await main(functions.messages.GetForumTopicsRequest(peer, None, 0, 0, 100))
    assert [topic.title for topic in topics.topics] == ["General", "Питон", "Offtopic"]
    days = world_truth(main.world, chats=["forum"])["chats"]["forum"]["days"]
    for topic in topics.topics[1:]:
        answer = await main(functions.messages.GetRepliesRequest(peer=peer, msg_id=topic.id, **PAGE))
        true = [
            message["id"]
            for day in sorted(days, reverse=True)
            for message in days[day]["messages"]
            if message["topic"] == topic.id and message["id"] != topic.id
        ]
        assert [message.id for message in answer.messages] == true


async def test_dialogs_come_page_by_page_newest_first(main):
    listed, offset = [], types.InputPeerEmpty()
    while True:
        page = await main(functions.messages.GetDialogsRequest(None, 0, offset, 2, 0))
        if not page.dialogs:
            break
        listed += [get_peer_id(dialog.peer) for dialog in page.dialogs]
        entities = {get_peer_id(one): one for one in (*page.chats, *page.users)}
        offset = get_input_peer(entities[listed[-1]])
    joined = [chat for chat in main.world.chats.values() if "main" in chat.accounts]
    assert sorted(listed) == sorted(chat.peer for chat in joined)


async def test_a_dialog_of_a_chat_that_keeps_one_out_shows_nothing(main):
    dialogs = await main(functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), 100, 0))
    peer = main.world.chats["secret"].peer
    dialog = next(one for one in dialogs.dialogs if get_peer_id(one.peer) == peer)
    assert dialog.top_message == 0
    entity = next(one for one in dialogs.chats if get_peer_id(one) == peer)
    assert isinstance(entity, types.ChannelForbidden)


async def test_peer_dialogs_tell_the_newest_messages_in_one_call(main):
    peers = [types.InputDialogPeer(await main.peer(name)) for name in ("busy", "family")]
    answer = await main(functions.messages.GetPeerDialogsRequest(peers))
    for dialog, name in zip(answer.dialogs, ("busy", "family"), strict=True):
        history = main.world.history(main.world.chats[name], main.world.account("main"))
        assert dialog.top_message == history.top_id


async def test_a_search_keeps_to_its_period_and_words(main):
    peer = await main.peer("busy")
    query = {"offset_id": 0, "add_offset": 0, "limit": 100, "max_id": 0, "min_id": 0, "hash": 0}
    every = types.InputMessagesFilterEmpty()
    day = world_truth(main.world, chats=["busy"])["chats"]["busy"]["days"]["2025-11-06"]
    answer = await main(
        functions.messages.SearchRequest(
            peer=peer, q="", filter=every, min_date=1762387200, max_date=1762473600, **query
        )
    )
    assert answer.count == day["count"]
    found = await main(
        functions.messages.SearchRequest(
            peer=peer, q="asyncio", filter=every, min_date=None, max_date=None, **query
        )
    )
    assert found.messages
    assert all("asyncio" in str(message.to_dict()) for message in found.messages)
    photos = types.InputMessagesFilterPhotos()
    request = functions.messages.SearchRequest(
        peer=peer, q="", filter=photos, min_date=None, max_date=None, **query
    )
    assert await refusal(main(request)) == "INPUT_FILTER_INVALID"


async def test_users_are_described_by_id_and_hash(main):
    me = (await main(functions.users.GetUsersRequest([types.InputUserSelf()])))[0]
    own = BinaryReader(bytes(me)).tgread_object()
    assert own.is_self
    assert own.phone == "15550001001"
    wrong = (await main(functions.users.GetUsersRequest([types.InputUser(own.id + 1, 5)])))[0]
    assert isinstance(wrong, types.UserEmpty)
    full = await main(functions.users.GetFullUserRequest(types.InputUserSelf()))
    assert full.full_user.id == own.id
    stranger = functions.users.GetFullUserRequest(types.InputUser(1, 1))
    assert await refusal(main(stranger)) == "USER_ID_INVALID"


async def test_a_sender_can_be_named_by_the_message_that_showed_it(main):
    peer = await main.peer("busy")
    page = await main(functions.messages.GetHistoryRequest(peer=peer, **PAGE))
    message = next(one for one in page.messages if isinstance(one.from_id, types.PeerUser))
    named = types.InputUserFromMessage(peer, message.id, message.from_id.user_id)
    user = BinaryReader(bytes((await main(functions.users.GetUsersRequest([named])))[0])).tgread_object()
    assert user.id == message.from_id.user_id


async def test_nothing_is_ever_missed(main):
    state = await main(functions.updates.GetStateRequest())
    assert state.pts == 1
    difference = await main(functions.updates.GetDifferenceRequest(1, None, 0))
    assert isinstance(difference, types.updates.DifferenceEmpty)
    channel = get_input_channel(await main.peer("busy"))
    missed = functions.updates.GetChannelDifferenceRequest(
        channel, types.ChannelMessagesFilterEmpty(), 7, 100
    )
    assert (await main(missed)).pts == 7


async def test_a_conversation_with_oneself_or_a_stranger_is_empty(main):
    answer = await main(functions.messages.GetHistoryRequest(peer=types.InputPeerSelf(), **PAGE))
    assert answer.messages == []


def test_every_method_of_the_catalogue_says_what_it_is():
    for request_class, method in METHODS.items():
        assert method.__doc__, request_class
