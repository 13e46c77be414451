import pytest
from telethon.tl import types

from tg_fetcher_dagster_tests.messages.raw import CHAT_MARKED, NOON, channel, mapped, message, service

Header = types.MessageReplyHeader


def test_a_reply_names_the_message_the_thread_and_the_quote():
    got = mapped(message(9, reply_to=Header(reply_to_msg_id=5, reply_to_top_id=3, quote_text="that")))
    assert got["reply_to_msg_id"] == 5
    assert got["reply_to_top_id"] == 3
    assert got["quote_text"] == "that"
    assert "topic_id" not in got


def test_a_reply_to_another_chats_message_is_no_reply_here():
    got = mapped(message(9, reply_to=Header(reply_to_msg_id=5, reply_to_peer_id=types.PeerChannel(77))))
    assert got["reply_to_msg_id"] is None
    assert got["reply_to_peer_id"] == -1_000_000_000_077
    assert got["reply_to_peer_msg_id"] == 5


def test_a_reply_that_names_its_own_chat_is_a_reply_here():
    got = mapped(message(9, reply_to=Header(reply_to_msg_id=5, reply_to_peer_id=types.PeerChannel(123))))
    assert got["reply_to_msg_id"] == 5
    assert "reply_to_peer_id" not in got


def test_a_reply_to_a_story_has_no_message_id():
    got = mapped(message(9, reply_to=types.MessageReplyStoryHeader(types.PeerUser(7), 3)))
    assert got["reply_to_msg_id"] is None
    assert got["reply_to_peer_id"] == 7
    assert got["reply_to_story_id"] == 3


@pytest.mark.parametrize(
    ("header", "topic_id", "reply_to"),
    [
        (None, 1, None),
        (Header(reply_to_msg_id=40), 1, 40),
        (Header(forum_topic=True, reply_to_msg_id=10), 10, None),
        (Header(forum_topic=True, reply_to_msg_id=40, reply_to_top_id=10), 10, 40),
        (Header(forum_topic=True, reply_to_msg_id=10, reply_to_top_id=10), 10, None),
        (types.MessageReplyStoryHeader(types.PeerUser(7), 3), 1, None),
    ],
    ids=["general", "reply in general", "in a topic", "reply in a topic", "topic twice", "story"],
)
def test_a_forums_topics_are_no_replies(header, topic_id, reply_to):
    got = mapped(message(50, reply_to=header), forum=True)
    assert got["topic_id"] == topic_id
    assert got["reply_to_msg_id"] == reply_to


def test_a_forum_is_known_by_the_page_too():
    got = mapped(message(50), chats=[channel(123, "Forum", megagroup=True, forum=True)])
    assert got["topic_id"] == 1


def test_another_chats_message_is_no_topic_here():
    header = Header(forum_topic=True, reply_to_msg_id=5, reply_to_peer_id=types.PeerChannel(77))
    got = mapped(message(50, reply_to=header), forum=True)
    assert "topic_id" not in got
    assert got["reply_to_peer_msg_id"] == 5


def test_an_ordinary_reply_outside_forums_has_no_topic():
    assert "topic_id" not in mapped(message(9, reply_to=Header(reply_to_msg_id=5)), marked_id=CHAT_MARKED)


def test_a_reply_to_a_hidden_persons_message_elsewhere_says_whom_it_answers():
    elsewhere = types.MessageFwdHeader(date=NOON, from_name="Hidden", channel_post=5)
    header = Header(
        quote=True, quote_text="q", quote_entities=[types.MessageEntityTextUrl(0, 1, "https://e.com/")],
        reply_from=elsewhere, reply_media=types.MessageMediaDice(6, "🎲"), todo_item_id=3,
        poll_option=b"\x01",
    )  # fmt: skip
    got = mapped(message(9, reply_to=header))
    assert got["reply_from"] == {
        "from_id": None, "from_name": "Hidden", "date": "2025-11-07T12:00:00Z", "channel_post": 5
    }  # fmt: skip
    assert got["quote_text"] == "q"
    assert got["quote_entities"][0]["url"] == "https://e.com/"
    assert got["reply_media"] == {"type": "dice", "emoji": "🎲", "value": 6}
    assert got["reply_to_todo_item_id"] == 3
    assert got["reply_to_poll_option"] == "AQ=="


def test_a_poll_that_is_replied_to_elsewhere_keeps_its_words():
    text = types.TextWithEntities("Tabs?", [])
    poll = types.MessageMediaPoll(types.Poll(1, text, [], 0), types.PollResults())
    got = mapped(message(9, reply_to=Header(reply_media=poll)))
    assert got["reply_media"]["poll"]["question"] == "Tabs?"


def test_the_message_that_begins_a_topic_is_in_it():
    created = service(types.MessageActionTopicCreate("Jobs", 1), 10)
    assert mapped(created, forum=True)["topic_id"] == 10
    assert mapped(created)["topic_id"] == 10
    assert mapped(service(types.MessageActionPinMessage(), 11), forum=True)["topic_id"] == 1


def test_a_forum_that_is_no_forum_any_more_has_no_topics():
    page = [channel(123, "Group", megagroup=True)]
    in_topic = Header(forum_topic=True, reply_to_msg_id=40, reply_to_top_id=10)
    for value in (
        message(50),
        message(50, reply_to=in_topic),
        service(types.MessageActionTopicCreate("x", 1)),
    ):
        assert "topic_id" not in mapped(value, chats=page, forum=True)
    assert mapped(message(50, reply_to=in_topic), chats=page, forum=True)["reply_to_msg_id"] == 40


def test_a_record_in_part_does_not_say_that_a_forum_is_none():
    page = [channel(123, "Forum", megagroup=True, min=True)]
    assert mapped(message(50), chats=page, forum=True)["topic_id"] == 1


def test_the_last_sight_of_a_chat_says_whether_it_is_a_forum():
    sights = [channel(123, "Forum", forum=True), channel(123, "Group")]
    assert "topic_id" not in mapped(message(50), chats=sights)
