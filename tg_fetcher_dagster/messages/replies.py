"""What a message replies to: a message here, one of another chat, a story; or it only sits in a topic.

Source of the topic rules: core.telegram.org/api/forum and /api/threads.
"""

from typing import NamedTuple

from tg_fetcher_dagster.messages.peers import RawRecord, marked_id

GENERAL_TOPIC = 1


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


def reply_of(header: RawRecord | None, *, own_peer_id: int | None, forum: bool) -> Reply:
    """Returns what the reply header of a message in the chat `own_peer_id` says.

    Args:
        header: `MessageReplyHeader`, `MessageReplyStoryHeader` or None.
        own_peer_id: the marked id of the message's own chat.
        forum: whether that chat is a forum: a message outside the topics is then in General.
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
    quote_text = header.get("quote_text") or None
    if elsewhere:
        return Reply(peer_id=peer_id, peer_msg_id=msg_id, topic_id=topic_id, quote_text=quote_text)
    return Reply(msg_id=msg_id, topic_id=topic_id, top_id=top_id, quote_text=quote_text)
