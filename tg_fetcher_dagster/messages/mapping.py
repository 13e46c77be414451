"""A raw message becomes a message of the day file.

The result is a plain dict in the shape of `schema.Message` and not the model itself: making and dumping the
model took 6.6 µs more a message than dumping the dict (0.2 µs), where the whole mapping takes 11 to 17; tests
hold the dict to the model. Keys of schema 1.0 are always there; added ones only where they say something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tg_fetcher_dagster.messages.actions import action_of
from tg_fetcher_dagster.messages.enrichment import Enrichment
from tg_fetcher_dagster.messages.formatting import entities_of
from tg_fetcher_dagster.messages.forwards import forward_of
from tg_fetcher_dagster.messages.media import media_of
from tg_fetcher_dagster.messages.peers import Names, RawRecord, marked_id
from tg_fetcher_dagster.messages.polls import poll_of
from tg_fetcher_dagster.messages.reactions import reactions_of
from tg_fetcher_dagster.messages.replies import NO_REPLY, Reply, reply_of
from tg_fetcher_dagster.messages.times import EPOCH, timestamp

_FLAGS = ("pinned", "silent", "noforwards")
_REPLY_KEYS = (
    ("topic_id", "topic_id"),
    ("reply_to_top_id", "top_id"),
    ("reply_to_peer_id", "peer_id"),
    ("reply_to_peer_msg_id", "peer_msg_id"),
    ("reply_to_story_id", "story_id"),
    ("quote_text", "quote_text"),
)


@dataclass(frozen=True, slots=True)
class MessageMapping:
    """How raw messages of one chat are mapped.

    Attributes:
        names: the display names seen so far.
        enrichment: what is worked out from the texts.
        channel_id: the marked id of the channel whose posts these are, or None where no channel is read.
        forum: whether the chat is known to be a forum.
    """

    names: Names
    enrichment: Enrichment
    channel_id: int | None = None
    forum: bool = False

    def message(self, value: RawRecord, *, comment: bool = False) -> dict[str, Any]:
        """Returns the message in the shape of `schema.Comment`.

        Args:
            value: a raw `Message` or `MessageService`.
            comment: whether it is a comment under a post: that it replies to the post is then no answer.
        """
        peer_id = marked_id(value.get("peer_id"))
        is_post = self.is_post(value)
        reply = reply_of(
            value.get("reply_to"),
            own_peer_id=peer_id,
            forum=not comment and (self.forum or peer_id in self.names.forums),
        )
        text = value.get("message") or None
        entities = value.get("entities") or ()
        action = value.get("action")
        replied = reply.msg_id is not None and (not comment or reply.top_id is not None)
        enriched = self.enrichment.of(text, entities, service=action is not None, reply=replied)
        header = value.get("fwd_from")
        mapped: dict[str, Any] = {
            "id": value["id"],
            "date": timestamp(value.get("date")) or EPOCH,
            "text": text,
            "sender_id": peer_id if is_post else self._sender_id(value, peer_id),
            "reply_to_msg_id": reply.msg_id,
            "forward_from": forward_of(header, self.names) if header else None,
            "reactions": reactions_of(value.get("reactions")),
            "token_count": enriched.token_count,
            "normalized_links": enriched.normalized_links,
            "message_type": enriched.message_type,
            "lang": enriched.lang,
        }
        _add_counts(value, mapped)
        _add_content(value, mapped, entities)
        if reply is not NO_REPLY:
            _add_reply(reply, mapped)
        if is_post:
            author_id = marked_id(value.get("from_id"))
            if author_id is not None and author_id != peer_id:
                mapped["author_id"] = author_id
        return mapped

    def is_post(self, value: RawRecord) -> bool:
        """Returns whether a raw message is a post of the channel that is read (service messages too)."""
        if value.get("post"):
            return True
        return self.channel_id is not None and marked_id(value.get("peer_id")) == self.channel_id

    def _sender_id(self, value: RawRecord, peer_id: int | None) -> int | None:
        """Who sent it; in a private chat Telegram names nobody: it is the other one, or oneself."""
        sender_id = marked_id(value.get("from_id"))
        if sender_id is None and peer_id is not None and peer_id > 0:
            return self.names.self_id if value.get("out") else peer_id
        return sender_id


def _add_counts(value: RawRecord, mapped: dict[str, Any]) -> None:
    if value.get("views") is not None:
        mapped["views"] = value["views"]
    if value.get("forwards") is not None:
        mapped["forwards_count"] = value["forwards"]
    replies = value.get("replies")
    if replies and not replies.get("comments"):
        mapped["replies_count"] = replies.get("replies") or 0
    # A reaction bumps edit_date too, with edit_hide: that is no edit.
    if value.get("edit_date") and not value.get("edit_hide"):
        mapped["edit_date"] = timestamp(value["edit_date"])


def _add_content(value: RawRecord, mapped: dict[str, Any], entities: Sequence[RawRecord]) -> None:
    media = value.get("media")
    if media:
        described = media_of(media)
        if described:
            mapped["media"] = described
        if media.get("_") == "MessageMediaPoll":
            mapped["poll"] = poll_of(media)
    action = value.get("action")
    if action is not None:
        mapped["action"] = action_of(action)
    if value.get("grouped_id") is not None:
        mapped["album"] = str(value["grouped_id"])
    if entities:
        mapped["entities"] = entities_of(entities)
    for key in ("post_author", "via_bot_id"):
        if value.get(key):
            mapped[key] = value[key]
    for flag in _FLAGS:
        if value.get(flag):
            mapped[flag] = True
    reactions = value.get("reactions")
    if reactions and reactions.get("min"):
        mapped["reactions_partial"] = True


def _add_reply(reply: Reply, mapped: dict[str, Any]) -> None:
    for key, attribute in _REPLY_KEYS:
        value = getattr(reply, attribute)
        if value is not None:
            mapped[key] = value
