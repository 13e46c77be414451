import pytest
from telethon.tl import types

from tg_fetcher_dagster_tests.messages.raw import CHAT_MARKED, channel, mapped, message

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
