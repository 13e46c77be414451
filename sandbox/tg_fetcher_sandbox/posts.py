"""A message as the sandbox knows it: plain data, from which both the TL bytes and the truth are made.

Peers are marked ids throughout (https://core.telegram.org/api/bots/ids): users positive, basic groups
negative, channels and supergroups below -1000000000000. Times are whole Unix seconds.
"""

from dataclasses import dataclass
from random import Random
from typing import Literal

CHANNEL_BASE = -1_000_000_000_000

MediaKind = Literal["photo", "document", "voice", "sticker", "webpage", "geo", "poll"]
ActionKind = Literal["created", "pin", "title", "join", "leave", "topic", "migrate_to", "migrate_from"]


def seeded(source: str) -> Random:
    """Returns a random source that gives the same numbers for the same words, on every Python."""
    return Random(source)  # noqa: S311 - a made-up world needs no secrets


def channel_peer(bare_id: int) -> int:
    """Returns the marked id of a channel or supergroup."""
    return CHANNEL_BASE - bare_id


def bare(peer: int) -> int:
    """Returns a marked id without its mark."""
    return CHANNEL_BASE - peer if is_channel(peer) else abs(peer)


def is_channel(peer: int) -> bool:
    """True for channels and supergroups."""
    return peer < CHANNEL_BASE


@dataclass(frozen=True, slots=True)
class Reaction:
    """How often one reaction was given.

    Attributes:
        emoji: the emoji, `custom:<document id>` or `paid`.
        count: how many gave it.
    """

    emoji: str
    count: int


@dataclass(frozen=True, slots=True)
class Entity:
    """A span of the text in UTF-16 units."""

    kind: str
    offset: int
    length: int
    value: str = ""


@dataclass(frozen=True, slots=True)
class Forward:
    """Where a message comes from; `peer` or `name`, or neither."""

    date: int
    peer: int | None = None
    name: str | None = None
    post: int | None = None
    author: str | None = None
    saved_from: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll; without `votes` Telegram gives no results."""

    question: str
    options: tuple[str, ...]
    votes: tuple[int, ...] | None = None
    quiz: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Media:
    """What is attached, by kind; `number` makes its ids."""

    kind: MediaKind
    number: int
    poll: Poll | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """What a service message reports."""

    kind: ActionKind
    title: str = ""
    peers: tuple[int, ...] = ()
    target: int | None = None


@dataclass(slots=True)
class Post:
    """One message; `id` is the chat's own number of it (see `World.number` for per-account numbers).

    Attributes:
        sender: who wrote it; a channel's post is the channel's own; None only where nobody is named.
        reply_to: the id of the message it answers (a topic's own id is structure, not an answer).
        thread: the id of the thread's first message, for replies and comments.
        topic: the forum topic's id, 1 for General, None outside forums.
        root: of a channel's post with comments: its copy's id in the discussion group.
        edit_hidden: the edit is a reaction's trace, not a change of the text (`edit_hide`).
        gap: how many ids before this one are deleted messages.
        recent: who reacted last, where the chat shows it.
    """

    at: int
    sender: int | None
    text: str = ""
    id: int = 0
    reply_to: int | None = None
    thread: int | None = None
    quote: str | None = None
    topic: int | None = None
    root: int | None = None
    forward: Forward | None = None
    reactions: tuple[Reaction, ...] = ()
    recent: tuple[int, ...] = ()
    entities: tuple[Entity, ...] = ()
    media: Media | None = None
    album: int | None = None
    action: Action | None = None
    views: int | None = None
    forwards: int | None = None
    edited: int | None = None
    edit_hidden: bool = False
    signature: str | None = None
    gap: int = 0

    def mentioned(self) -> set[int]:
        """Returns every peer that an answer with this message must describe."""
        peers = set(self.recent)
        if self.sender is not None:
            peers.add(self.sender)
        if self.forward is not None:
            if self.forward.peer is not None:
                peers.add(self.forward.peer)
            if self.forward.saved_from is not None:
                peers.add(self.forward.saved_from[0])
        if self.action is not None:
            peers.update(self.action.peers)
        return peers
