import orjson
import pytest
from telethon.tl import types

from tg_fetcher_dagster.messages.day import DayAssembly
from tg_fetcher_dagster.messages.peers import Names, marked_id, whole
from tg_fetcher_dagster_tests.messages.raw import (
    CHAT_MARKED,
    DAY,
    NOON,
    OPTIONS,
    assembly,
    channel,
    mapped,
    message,
    plain,
    service,
    source,
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


@pytest.mark.parametrize("account", [1, None])
def test_ones_own_private_messages_name_oneself_by_the_account_or_by_the_page(account):
    day = DayAssembly(source=source("chat", marked_id=7), day=DAY, options=OPTIONS, account_user_id=account)
    if account is None:
        day.add_entities([user(1, "Me", is_self=True)], [])
    for value in (
        message(2, peer=types.PeerUser(7), out=True),
        service(types.MessageActionScreenshotTaken(), 3, out=True) | {"peer_id": plain(types.PeerUser(7))},
        message(4, peer=types.PeerChat(9), out=True),
    ):
        assert orjson.loads(day.add_message(value))["sender_id"] == 1
    assert orjson.loads(day.add_message(message(5, peer=types.PeerUser(7))))["sender_id"] == 7


@pytest.mark.parametrize(
    "name",
    [
        "\u3164",
        "\u200b\u200d",
        "\u2800 \u2800",
        "\u115f\u1160",
        "\u034f",
        "\ufe0f",
        "\U000e0061",
        "\u00a0\u202e",
    ],
    ids=ascii,
)
def test_a_name_that_cannot_be_seen_falls_back_on_the_username_then_the_id(name):
    names = Names()
    names.add_users([user(7, name, username="anna"), user(8, name, name)])
    names.add_chats(
        [channel(9, name, username="news"), channel(10, name), plain(types.ChatForbidden(11, name))]
    )
    assert [names.name(7), names.name(8)] == ["@anna", "user_8"]
    assert [names.name(-1_000_000_000_009), names.name(-1_000_000_000_010)] == ["@news", "channel_10"]
    assert names.name(-11) == "chat_11"


@pytest.mark.parametrize("name", ["A", "\u3164A", "名", "🐍", "á", ".", "\u200fא"])
def test_a_name_that_can_be_seen_stays(name):
    names = Names()
    names.add_users([user(7, name, username="anna")])
    assert names.name(7) == name


def test_what_is_neither_a_user_nor_a_chat_is_named_and_is_nobody():
    community = types.Community(9, "Neighbours", types.ChatPhotoEmpty(), NOON, access_hash=5)
    day = assembly()
    day.add_entities(
        [{"_": "UserOfTomorrow", "id": 7, "first_name": "X"}],
        [
            plain(community),
            plain(types.CommunityForbidden(10, "Closed")),
            {"_": "Chatlet", "id": 11, "title": "T"},
        ],
    )
    for peer in (types.PeerUser(7), types.PeerChat(9), types.PeerChannel(9), types.PeerChat(11)):
        day.add_message(message(from_id=peer))
    assert day.senders == {
        "7": "user_7", "-9": "chat_9", "-1000000000009": "channel_9", "-11": "chat_11"
    }  # fmt: skip
    told = day.participants().no_peers
    assert [each["type"] for each in told] == [
        "user_of_tomorrow",
        "community",
        "community_forbidden",
        "chatlet",
    ]
    assert told[1] == {"type": "community", "id": "9", "title": "Neighbours"}


def test_participants_have_their_usernames_and_those_who_did_not_write_their_names():
    day = assembly()
    day.add_entities(
        [
            user(
                7,
                "Anna",
                username="anna",
                usernames=[types.Username("anna"), types.Username("ann")],
                bot=True,
            ),
            user(8, "Boris", username="boris", phone="15550001", photo=types.UserProfilePhotoEmpty()),
        ],
        [channel(9, "News")],
    )
    day.add_message(message(from_id=types.PeerUser(7)))
    told = day.participants().model_dump(mode="json", exclude_none=True)
    assert told["participants"] == [
        {"id": 7, "name": "Anna", "message_count": 1, "username": "anna", "usernames": ["anna", "ann"],
         "more": {"bot": True}}
    ]  # fmt: skip
    assert told["mentioned"] == [
        {"id": -1_000_000_000_009, "name": "News"}, {"id": 8, "name": "Boris", "username": "boris"}
    ]  # fmt: skip


def test_a_user_in_part_does_not_take_the_username_of_a_whole_one():
    day = assembly()
    day.add_entities([user(7, "Anna", username="anna"), user(7, "A", username="old", min=True)], [])
    assert day.participants().mentioned[0].username == "anna"
