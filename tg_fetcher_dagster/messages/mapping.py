"""A raw message becomes a message of the day file.

The result is a plain dict in the shape of `schema.Message` and not the model itself: making and dumping the
model took 6.6 µs more a message than dumping the dict (0.2 µs), where the whole mapping takes 11 to 17; tests
hold the dict to the model. Keys of schema 1.0 are always there; added ones only where they say something.
What few messages have is looked for once, by one test of a message's field names (`_EVERYDAY`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tg_fetcher_dagster.chats.ids import channel_marked_id, is_channel
from tg_fetcher_dagster.messages.actions import action_of
from tg_fetcher_dagster.messages.buttons import button_links
from tg_fetcher_dagster.messages.enrichment import Enrichment
from tg_fetcher_dagster.messages.formatting import TextWithEntities, entities_of
from tg_fetcher_dagster.messages.forwards import forward_of
from tg_fetcher_dagster.messages.links import more_links
from tg_fetcher_dagster.messages.media import add_media, media_of
from tg_fetcher_dagster.messages.own_fields import silent
from tg_fetcher_dagster.messages.peers import Names, RawRecord, marked_id, marked_ids
from tg_fetcher_dagster.messages.polls import poll_of, poll_texts
from tg_fetcher_dagster.messages.rarities import RARE, add_rarities, with_rich_words
from tg_fetcher_dagster.messages.reactions import reactions_of, top_reactors_of
from tg_fetcher_dagster.messages.replies import NO_REPLY, Reply, add_reply_details, reply_of
from tg_fetcher_dagster.messages.times import EPOCH, timestamp
from tg_fetcher_dagster.messages.todo import todo_of, todo_texts

_FLAGS = ("pinned", "silent", "noforwards")
_REPLY_KEYS = (
    ("topic_id", "topic_id"),
    ("reply_to_top_id", "top_id"),
    ("reply_to_peer_id", "peer_id"),
    ("reply_to_peer_msg_id", "peer_msg_id"),
    ("reply_to_story_id", "story_id"),
    ("quote_text", "quote_text"),
)
_MAPPED = (
    "id", "peer_id", "date", "message", "from_id", "out", "post", "fwd_from", "via_bot_id", "reply_to",
    "media", "entities", "views", "forwards", "replies", "edit_date", "edit_hide", "post_author",
    "grouped_id", "reactions", "action", *_FLAGS,
)  # fmt: skip
_LISTED = "restriction_reason"
"""A list, and so in each raw record, mostly empty."""
_EVERYDAY = silent("Message", *_MAPPED, _LISTED) | silent("MessageService", *_MAPPED)
_HANDLED = _EVERYDAY.union(RARE)
_TOPIC_BEGINS = "MessageActionTopicCreate"


@dataclass(frozen=True, slots=True)
class MessageMapping:
    """How raw messages of one chat are mapped.

    Attributes:
        names: the display names seen so far.
        enrichment: what is worked out from the texts.
        channel_id: the marked id of the channel whose posts these are, or None where no channel is read.
        forum: whether the chat is a forum, for as long as no page shows it; None where that is not known.
    """

    names: Names
    enrichment: Enrichment
    channel_id: int | None = None
    forum: bool | None = None

    def message(self, value: RawRecord, *, comment: bool = False) -> dict[str, Any]:
        """Returns the message in the shape of `schema.Comment`.

        Args:
            value: a raw `Message` or `MessageService`.
            comment: whether it is a comment under a post: that it replies to the post is then no answer.
        """
        peer_id = marked_id(value.get("peer_id"))
        is_post = self.is_post(value)
        forum = None if comment or peer_id is None else self.names.forums.get(peer_id, self.forum)
        reply_to = value.get("reply_to")
        reply = reply_of(reply_to, own_peer_id=peer_id, forum=forum)
        text = value.get("message") or None
        entities = value.get("entities") or ()
        rare = not _EVERYDAY.issuperset(value) or value.get(_LISTED)
        if rare and value.get("rich_message"):
            text, entities = with_rich_words(text, entities, value["rich_message"])
        action = value.get("action")
        if action is not None and action.get("_") == _TOPIC_BEGINS and forum is not False:
            reply = reply._replace(topic_id=value["id"])
        replied = reply.msg_id is not None and (not comment or reply.top_id is not None)
        enriched = self.enrichment.of(text, entities, service=action is not None, reply=replied)
        header = value.get("fwd_from")
        reactions = value.get("reactions")
        mapped: dict[str, Any] = {
            "id": value["id"],
            "date": timestamp(value.get("date")) or EPOCH,
            "text": text,
            "sender_id": peer_id if is_post else self._sender_id(value, peer_id),
            "reply_to_msg_id": reply.msg_id,
            "forward_from": forward_of(header, self.names) if header else None,
            "reactions": reactions_of(reactions),
            "token_count": enriched.token_count,
            "normalized_links": enriched.normalized_links,
            "message_type": enriched.message_type,
            "lang": enriched.lang,
        }
        _add_counts(value, mapped)
        if reactions:
            _add_reactions(reactions, mapped)
        self._add_content(value, mapped, entities)
        if reply is not NO_REPLY:
            _add_reply(reply, mapped)
        if reply_to is not None:
            add_reply_details(reply_to, mapped, self.names)
        if is_post:
            author_id = marked_id(value.get("from_id"))
            if author_id is not None and author_id != peer_id:
                mapped["author_id"] = author_id
        if rare:
            self._add_rarities(value, mapped)
        return mapped

    def is_post(self, value: RawRecord) -> bool:
        """Returns whether a raw message is a post of the channel that is read (service messages too)."""
        if value.get("post"):
            return True
        return self.channel_id is not None and marked_id(value.get("peer_id")) == self.channel_id

    def _sender_id(self, value: RawRecord, peer_id: int | None) -> int | None:
        """Who sent it. Where no `from_id` came, the message is the chat's own, or one's own.

        In a private chat Telegram leaves it out of every message: it is the other one's, or oneself's
        (core.telegram.org/constructor/message). In a supergroup it is the group that speaks (an anonymous
        admin), as Telegram's own apps show it. None only where the chat is not named either.
        """
        from_id = value.get("from_id")
        if from_id:
            return marked_id(from_id)
        if peer_id is not None and not is_channel(peer_id) and value.get("out"):
            return self.names.self_id
        return peer_id

    def _add_content(self, value: RawRecord, mapped: dict[str, Any], entities: Sequence[RawRecord]) -> None:
        media = value.get("media")
        if media:
            self._add_media(media, mapped)
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

    def _add_media(self, media: RawRecord, mapped: dict[str, Any]) -> None:
        described = media_of(media)
        if described:
            mapped["media"] = described
        if media.get("_") == "MessageMediaPoll":
            mapped["poll"] = poll_of(media, add_media)
            texts = poll_texts(media)
            if texts:
                self._add_links(mapped, texts)
        elif media.get("_") == "MessageMediaToDo":
            mapped["todo"] = todo_of(media)
            self._add_links(mapped, todo_texts(media))

    def _add_rarities(self, value: RawRecord, mapped: dict[str, Any]) -> None:
        add_rarities(value, mapped, _HANDLED)
        markup = value.get("reply_markup")
        if markup:
            self._add_links(mapped, urls=button_links(markup))

    def _add_links(
        self,
        mapped: dict[str, Any],
        texts: Iterable[TextWithEntities] = (),
        urls: Iterable[str] = (),
    ) -> None:
        if self.enrichment.links:
            mapped["normalized_links"] = more_links(mapped["normalized_links"], texts, urls)


def _add_counts(value: RawRecord, mapped: dict[str, Any]) -> None:
    if value.get("views") is not None:
        mapped["views"] = value["views"]
    if value.get("forwards") is not None:
        mapped["forwards_count"] = value["forwards"]
    replies = value.get("replies")
    if replies:
        _add_thread(replies, mapped)
    # A reaction bumps edit_date too, with edit_hide: that is no edit.
    if value.get("edit_date") and not value.get("edit_hide"):
        mapped["edit_date"] = timestamp(value["edit_date"])


def _add_reactions(reactions: RawRecord, mapped: dict[str, Any]) -> None:
    if reactions.get("min"):
        mapped["reactions_partial"] = True
    if reactions.get("top_reactors"):
        mapped["top_reactors"] = top_reactors_of(reactions)


def _add_thread(replies: RawRecord, mapped: dict[str, Any]) -> None:
    if not replies.get("comments"):
        mapped["replies_count"] = replies.get("replies") or 0
    if replies.get("recent_repliers"):
        mapped["recent_repliers"] = marked_ids(replies["recent_repliers"])
    if replies.get("channel_id"):
        mapped["comments_chat_id"] = channel_marked_id(replies["channel_id"])


def _add_reply(reply: Reply, mapped: dict[str, Any]) -> None:
    for key, attribute in _REPLY_KEYS:
        value = getattr(reply, attribute)
        if value is not None:
            mapped[key] = value
