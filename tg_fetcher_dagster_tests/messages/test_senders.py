from telethon.tl import types

from tg_fetcher_dagster.messages.peers import Names, marked_id, whole
from tg_fetcher_dagster_tests.messages.raw import (
    CHAT_MARKED,
    assembly,
    channel,
    mapped,
    message,
    plain,
    user,
)


def test_a_users_message_names_the_user():
    assert mapped(message(from_id=types.PeerUser(7)))["sender_id"] == 7


def test_a_channels_post_is_sent_by_the_channel_and_keeps_its_signature():
    got = mapped(message(post=True, post_author="Anna"), kind="channel")
    assert got["sender_id"] == CHAT_MARKED
    assert got["post_author"] == "Anna"


def test_a_post_that_shows_its_author_is_still_the_channels():
    got = mapped(message(post=True, from_id=types.PeerUser(7)), kind="channel")
    assert got["sender_id"] == CHAT_MARKED
    assert got["author_id"] == 7


def test_an_anonymous_admin_is_the_group_itself():
    assert mapped(message(from_id=types.PeerChannel(123)))["sender_id"] == CHAT_MARKED


def test_without_a_name_in_a_group_it_is_the_group_that_speaks():
    assert mapped(message())["sender_id"] == CHAT_MARKED
    assert mapped(message(out=True))["sender_id"] == CHAT_MARKED
    assert mapped(message(peer=types.PeerChat(9)), kind="group")["sender_id"] == -9


def test_where_telegram_names_nobody_the_sender_is_null():
    value = message()
    del value["peer_id"]
    assert mapped(value)["sender_id"] is None
    value = message()
    value["from_id"] = {"_": "PeerOfTomorrow", "number": 5}
    assert mapped(value)["sender_id"] is None


def test_in_a_private_chat_the_sender_is_the_other_one_or_oneself():
    theirs = message(peer=types.PeerUser(7))
    mine = message(peer=types.PeerUser(7), out=True)
    users = [user(7, "Anna"), user(1, "Me", is_self=True)]
    assert mapped(theirs, kind="chat", users=users)["sender_id"] == 7
    assert mapped(mine, kind="chat", users=users)["sender_id"] == 1


def test_marked_ids_tell_the_kinds_of_peers_apart():
    assert marked_id(plain(types.PeerUser(5))) == 5
    assert marked_id(plain(types.PeerChat(5))) == -5
    assert marked_id(plain(types.PeerChannel(5))) == -1_000_000_000_005
    assert marked_id({"_": "PeerUnheardOf"}) is None
    assert marked_id({"_": "PeerChannel"}) is None
    assert marked_id({"_": "PeerChat"}) is None
    assert marked_id(None) is None


def test_a_min_user_never_overwrites_a_full_one_and_a_full_one_replaces_a_min():
    names = Names()
    names.add_users(
        [user(7, "Anna", "Ivanova"), user(7, "A", min=True), user(8, "B", min=True), user(8, "Boris")]
    )
    assert names.name(7) == "Anna Ivanova"
    assert names.name(8) == "Boris"


def test_a_deleted_account_has_a_display_name():
    day = assembly()
    day.add_entities([user(7, deleted=True)], [])
    day.add_message(message(from_id=types.PeerUser(7)))
    assert day.senders == {"7": "Deleted Account"}


def test_a_user_without_a_name_is_called_by_the_username():
    names = Names()
    names.add_users(
        [user(7, username="anna"), user(8, usernames=[types.Username("boris")]), plain(types.UserEmpty(9))]
    )
    assert [names.name(7), names.name(8), names.name(9)] == ["@anna", "@boris", "user_9"]


def test_everybody_who_wrote_has_a_name_even_if_no_page_brought_one():
    day = assembly()
    for peer in (types.PeerUser(7), types.PeerChannel(9), types.PeerChat(11)):
        day.add_message(message(from_id=peer))
    assert day.senders == {"-1000000000009": "channel_9", "-11": "chat_11", "7": "user_7"}


def test_chats_of_every_kind_give_their_titles():
    names = Names()
    names.add_chats(
        [
            channel(9, "News"),
            plain(types.ChannelForbidden(id=10, access_hash=1, title="Closed")),
            plain(types.ChatForbidden(id=11, title="Gone")),
            plain(types.ChatEmpty(id=12)),
        ]
    )
    assert names.name(-1_000_000_000_009) == "News"
    assert names.name(-1_000_000_000_010) == "Closed"
    assert names.name(-11) == "Gone"
    assert names.find(-12) is None


def test_a_name_with_a_lone_surrogate_is_made_whole():
    assert whole("An\ud83dna") == "An\ufffdna"
    assert whole("\ud83d\ude00") == "😀"
