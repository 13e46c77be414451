"""Pages of a chat's history: how they are asked for, and what an answer says beside its messages.

https://core.telegram.org/api/offsets: a page's place in the list is the number of messages with an id (or a
date) at or above the anchor, plus `add_offset`. The list stands in the order of ids, newest first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Self

from telethon.tl import functions, types

from tg_fetcher_dagster.telegram.records import Record

PAGE = 100
"""The most that one answer holds: https://core.telegram.org/method/messages.getHistory."""

NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
"""How a message without a date comes over the wire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Where a page begins, as a request says it.

    Attributes:
        offset_id: below this id; 0 where a date decides.
        offset_date: older than this moment; None where an id decides.
        add_offset: so many places further down the list (up, where negative).
    """

    offset_id: int = 0
    offset_date: datetime | None = None
    add_offset: int = 0

    def moved(self, places: int) -> Self:
        """Returns the anchor of a page that begins so many places further down."""
        return replace(self, add_offset=self.add_offset + places)


_EMPTY: int = types.MessageEmpty.CONSTRUCTOR_ID


def is_empty(message: Any) -> bool:  # noqa: ANN401 - Telethon is untyped
    """Returns whether there is no message under this number; `isinstance` costs 1 µs a message here."""
    return bool(message.CONSTRUCTOR_ID == _EMPTY)


OLDEST = Anchor(offset_id=1, add_offset=-1)
"""The chat's oldest message, with a limit of one: a step back from id 1, below which nothing is."""


def page_request(peer: Any, anchor: Anchor, *, limit: int = PAGE) -> Any:  # noqa: ANN401 - Telethon is untyped
    """Returns the request for a page of a chat."""
    return functions.messages.GetHistoryRequest(
        peer=peer,
        offset_id=anchor.offset_id,
        offset_date=anchor.offset_date,
        add_offset=anchor.add_offset,
        limit=limit,
        max_id=0,
        min_id=0,
        hash=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Messages that Telegram has and did not give.

    Attributes:
        what: what is missing: `a message`.
        why: one line.
        first_id: the lowest id that it may be about.
        last_id: the highest one.
        count: how many messages are missing.
    """

    what: str
    why: str
    first_id: int
    last_id: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer.

    Attributes:
        messages: Telethon's messages, newest (highest id) first, each once; `MessageEmpty` among them.
        users: who wrote or is mentioned.
        chats: the same of groups and channels.
        anchor: what was asked for.
        count: how many messages the chat holds, as far as Telegram says so.
        offset: how many of them are newer than the first one here; None where that is not told.
        is_all: Telegram says that this is the whole list.
        holes: what is known to be missing from it.
    """

    messages: tuple[Any, ...]
    users: tuple[Any, ...]
    chats: tuple[Any, ...]
    anchor: Anchor
    count: int | None
    offset: int | None
    is_all: bool
    holes: tuple[Hole, ...] = field(default=())

    @classmethod
    def of(cls, answer: Any, anchor: Anchor) -> Self:  # noqa: ANN401 - Telethon is untyped
        """Reads an answer of getHistory.

        An absent `offset_id_offset` means 0 at a page that a date anchors; elsewhere it says nothing.
        """
        is_all = isinstance(answer, types.messages.Messages)
        told = getattr(answer, "offset_id_offset", None)
        trusted = not getattr(answer, "inexact", None)
        offset = 0 if told is None and not anchor.offset_id else told
        return cls(
            messages=_newest_first(answer.messages),
            users=tuple(answer.users),
            chats=tuple(answer.chats),
            anchor=anchor,
            count=len(answer.messages) if is_all else answer.count if trusted else None,
            offset=offset if trusted and not is_all else None,
            is_all=is_all,
        )

    @property
    def top_id(self) -> int:
        """The newest message's id; ask only where there is one."""
        return int(self.messages[0].id)

    @property
    def lowest_id(self) -> int:
        """The oldest message's id; ask only where there is one."""
        return int(self.messages[-1].id)

    @property
    def at_or_below(self) -> int | None:
        """How many messages stand at or below this page's first one: what comes in above changes nothing."""
        return None if self.count is None or self.offset is None else self.count - self.offset

    @property
    def below(self) -> int | None:
        """How many messages stand below this page's last one."""
        reach = self.at_or_below
        return None if reach is None else reach - len(self.messages)

    def with_messages(self, messages: Iterable[Any], other: "Answer | None" = None) -> Self:
        """Returns the page with further messages, and with those whom the other answer brought along."""
        return replace(
            self,
            messages=_newest_first((*self.messages, *messages)),
            users=(*self.users, *(other.users if other else ())),
            chats=(*self.chats, *(other.chats if other else ())),
        )

    def below_id(self, number: int) -> Self:
        """Returns what of the page is older than a message: a page must lead on."""
        if not self.messages or self.top_id < number:
            return self
        return replace(
            self, messages=tuple(message for message in self.messages if message.id < number), offset=None
        )

    def under(self, newer: "Answer") -> Self:
        """Returns this page and the one above it as one page."""
        joined = self.with_messages(newer.messages, newer)
        return replace(joined, count=newer.count, offset=newer.offset, holes=(*newer.holes, *self.holes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a range and its neighbours.

    Attributes:
        messages: newest first, those beyond the range's edges too.
        users: who wrote or is mentioned, as Telegram gave them.
        chats: the same of groups and channels.
        own: the chat that is read, as this answer describes it (Telethon's object); None where it does not.
        holes: what is known to be missing from it.
        is_beginning: the chat has nothing older, and that is proved.
        is_past: it comes from the basic group that the chat was before.
    """

    messages: tuple[Record, ...]
    users: tuple[Record, ...] = ()
    chats: tuple[Record, ...] = ()
    own: Any = None
    holes: tuple[Hole, ...] = ()
    is_beginning: bool = False
    is_past: bool = False


def _newest_first(messages: Iterable[Any]) -> tuple[Any, ...]:
    given = tuple(messages)
    ids = [message.id for message in given]
    if all(above > below for above, below in pairwise(ids)):
        return given
    by_id = dict(zip(ids, given, strict=True))
    return tuple(by_id[number] for number in sorted(by_id, reverse=True))
