"""What a message replies to: a message here, one of another chat, a story; or it only sits in a topic.

Source of the topic rules: core.telegram.org/api/forum and /api/threads.
"""

from typing import Any, NamedTuple

from tg_fetcher_dagster.messages.formatting import entities_of
from tg_fetcher_dagster.messages.forwards import forward_of
from tg_fetcher_dagster.messages.media import add_media
from tg_fetcher_dagster.messages.own_fields import add_more, rest, silent
from tg_fetcher_dagster.messages.peers import Names, RawRecord, marked_id

GENERAL_TOPIC = 1
_FLAGS = ("reply_to_scheduled", "reply_to_ephemeral")
_QUIET = silent(
    "MessageReplyHeader", "forum_topic", "reply_to_msg_id", "reply_to_peer_id", "reply_to_top_id",
    "quote_text", "reply_from", "reply_media", "quote_entities", "todo_item_id", "poll_option", *_FLAGS,
)  # fmt: skip
_STORY = silent("MessageReplyStoryHeader", "peer", "story_id")


class Reply(NamedTuple):
    """Where a message stands in the conversation; all None where it stands alone."""

    msg_id: int | None = None
    topic_id: int | None = None
    top_id: int | None = None
    peer_id: int | None = None
    peer_msg_id: int | None = None
    story_id: int | None = None
    quote_text: str | None = None


NO_REPLY = Reply()
IN_GENERAL = Reply(topic_id=GENERAL_TOPIC)


def reply_of(header: RawRecord | None, *, own_peer_id: int | None, forum: bool | None) -> Reply:
    """Returns what the reply header of a message in the chat `own_peer_id` says.

    Args:
        header: `MessageReplyHeader`, `MessageReplyStoryHeader` or None.
        own_peer_id: the marked id of the message's own chat.
        forum: whether that chat is a forum: a message outside the topics is then in General, and one that is
            a forum no more has no topics; None where nobody knows, then the header decides.
    """
    if header is None:
        return IN_GENERAL if forum else NO_REPLY
    if header.get("_") == "MessageReplyStoryHeader":
        return Reply(
            peer_id=marked_id(header.get("peer")),
            story_id=header.get("story_id"),
            topic_id=GENERAL_TOPIC if forum else None,
        )
    msg_id, top_id = header.get("reply_to_msg_id"), header.get("reply_to_top_id")
    peer_id = marked_id(header.get("reply_to_peer_id"))
    elsewhere = peer_id is not None and peer_id != own_peer_id
    topic_id = GENERAL_TOPIC if forum else None
    if header.get("forum_topic"):
        # The id of another chat's message is no topic here.
        topic_id = top_id or (None if elsewhere else msg_id)
        top_id = None
        if msg_id == topic_id and not elsewhere:
            # The header only says which topic the message is in; nobody pressed Reply.
            msg_id = None
        if forum is False:
            topic_id = None
    quote_text = header.get("quote_text") or None
    if elsewhere:
        return Reply(peer_id=peer_id, peer_msg_id=msg_id, topic_id=topic_id, quote_text=quote_text)
    return Reply(msg_id=msg_id, topic_id=topic_id, top_id=top_id, quote_text=quote_text)


def add_reply_details(header: RawRecord, mapped: dict[str, Any], names: Names) -> None:
    """Adds what a header says of the message replied to: who wrote it, its media, which part is meant."""
    if header.get("reply_from"):
        mapped["reply_from"] = forward_of(header["reply_from"], names)
    if header.get("reply_media"):
        add_media(mapped, "reply_media", header["reply_media"])
    if header.get("quote_entities"):
        mapped["quote_entities"] = entities_of(header["quote_entities"])
    if header.get("todo_item_id") is not None:
        mapped["reply_to_todo_item_id"] = header["todo_item_id"]
    if header.get("poll_option"):
        mapped["reply_to_poll_option"] = header["poll_option"]
    more = rest(header, _STORY if header.get("_") == "MessageReplyStoryHeader" else _QUIET)
    for flag in _FLAGS:
        if header.get(flag):
            more = {**more, flag: True}
    if more:
        add_more(mapped, {"reply_to": more})
