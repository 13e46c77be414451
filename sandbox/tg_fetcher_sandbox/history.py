"""A chat's messages as bytes with their index, and the pages that are cut from it.

One buffer holds all the bytes; ids, dates and places stand in arrays. So 200,000 messages are some 60 MB
and a page is a few bisections and a hundred slices.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

MOST_A_PAGE = 100


class Wire:
    """Bytes that are ready to be sent, where Telethon expects an object."""

    __slots__ = ("_ready",)

    def __init__(self, ready: bytes) -> None:
        self._ready = ready

    def __bytes__(self) -> bytes:
        return self._ready

    def _bytes(self) -> bytes:
        return self._ready


@dataclass(frozen=True, slots=True)
class Window:
    """What part of a list a request wants, as getHistory and its kin say it.

    See https://core.telegram.org/api/offsets.
    """

    offset_id: int = 0
    offset_date: int = 0
    add_offset: int = 0
    limit: int = MOST_A_PAGE
    max_id: int = 0
    min_id: int = 0

    @classmethod
    def of(cls, request: object) -> "Window":
        """Reads a request's paging fields; an absent date comes over the wire as 1970-01-01."""
        when = getattr(request, "offset_date", None)
        return cls(
            offset_id=getattr(request, "offset_id", 0),
            offset_date=int(when.timestamp()) if isinstance(when, datetime) else int(when or 0),
            add_offset=getattr(request, "add_offset", 0),
            limit=getattr(request, "limit", MOST_A_PAGE),
            max_id=getattr(request, "max_id", 0),
            min_id=getattr(request, "min_id", 0),
        )


@dataclass(frozen=True, slots=True)
class Cut:
    """A page: places in the history (newest first), the list's length and the first one's place in it."""

    places: list[int]
    count: int
    offset: int


def cut(ids: Sequence[int], dates: Sequence[int], window: Window, *, in_order: bool = True) -> Cut:
    """Cuts a page out of a list (oldest first) by Telegram's rule.

    The position is the number of messages with `id >= offset_id` (without one: `date >= offset_date`) plus
    `add_offset`; `limit` messages older than that are cut; then `max_id` and `min_id` trim what was cut.
    Nothing is filled up past the newest message.

    Args:
        ids: rising.
        dates: beside them.
        window: what is asked for.
        in_order: whether the dates never fall, so that they can be searched.
    """
    total = len(ids)
    if window.offset_id:
        newer = total - bisect_left(ids, window.offset_id)
    elif window.offset_date:
        newer = (
            total - bisect_left(dates, window.offset_date)
            if in_order
            else sum(date >= window.offset_date for date in dates)
        )
    else:
        newer = 0
    start = newer + window.add_offset
    stop = start + max(0, min(window.limit, MOST_A_PAGE))
    start, stop = max(0, start), min(total, max(0, stop))
    places = [
        total - 1 - position
        for position in range(start, stop)
        if (not window.max_id or ids[total - 1 - position] < window.max_id)
        and (not window.min_id or ids[total - 1 - position] > window.min_id)
    ]
    return Cut(places, total, total - 1 - places[0] if places else min(start, total))


class History:
    """The messages of one chat (as one account numbers them), oldest first.

    Attributes:
        ids: the ids, rising.
        dates: Unix seconds.
        in_order: whether the dates never fall, as in all chats but odd ones.
        threads: places of the messages of each thread, by the thread's first id.
        roots: of a channel: where a post's comments begin in the group, by the post's id.
        topics: titles of a forum's topics by id.
    """

    def __init__(self) -> None:
        self.ids = array("i")
        self.dates = array("i")
        self.in_order = True
        self.threads: dict[int, array[int]] = {}
        self.roots: dict[int, int] = {}
        self.topics: dict[int, str] = {}
        self._body = bytearray()
        self._ends = array("Q")
        self._peers = array("q")
        self._peer_ends = array("Q")

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, number: int, at: int, body: bytes, *, peers: Iterable[int], thread: int | None) -> None:
        """Puts the next newer message behind the others."""
        if thread is not None:
            self.threads.setdefault(thread, array("i")).append(len(self.ids))
        self.in_order = self.in_order and (not self.dates or self.dates[-1] <= at)
        self.ids.append(number)
        self.dates.append(at)
        self._body += body
        self._ends.append(len(self._body))
        self._peers.extend(peers)
        self._peer_ends.append(len(self._peers))

    @property
    def top_id(self) -> int:
        """The newest message's id, 0 in an empty chat."""
        return self.ids[-1] if self.ids else 0

    def body(self, place: int) -> Wire:
        """Returns a message's bytes."""
        start = self._ends[place - 1] if place else 0
        return Wire(bytes(self._body[start : self._ends[place]]))

    def peers(self, places: Iterable[int]) -> set[int]:
        """Returns whom these messages mention (marked ids)."""
        found: set[int] = set()
        for place in places:
            start = self._peer_ends[place - 1] if place else 0
            found.update(self._peers[start : self._peer_ends[place]])
        return found

    def place(self, number: int) -> int | None:
        """Returns where the message with this id stands; None where it was deleted or never was."""
        found = bisect_left(self.ids, number)
        return found if found < len(self.ids) and self.ids[found] == number else None

    def page(self, window: Window) -> Cut:
        """Returns a page of the whole history."""
        return cut(self.ids, self.dates, window, in_order=self.in_order)

    def thread_page(self, thread: int, window: Window) -> Cut:
        """Returns a page of one thread."""
        return self.page_of(self.threads.get(thread, ()), window)

    def page_of(self, places: Sequence[int], window: Window) -> Cut:
        """Returns a page of some of the messages (their places, oldest first)."""
        ids = [self.ids[place] for place in places]
        dates = [self.dates[place] for place in places]
        found = cut(ids, dates, window, in_order=self.in_order)
        return Cut([places[place] for place in found.places], found.count, found.offset)

    def between(self, first: int, last: int) -> Sequence[int]:
        """Returns the places of the messages with `first <= date <= last` (Unix seconds)."""
        if not self.in_order:
            return [place for place, date in enumerate(self.dates) if first <= date <= last]
        return range(bisect_left(self.dates, first), bisect_right(self.dates, last))
