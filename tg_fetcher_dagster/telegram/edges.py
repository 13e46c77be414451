"""How far beyond a range's edges a walk looks before it believes the order of ids to be the order of dates.

Ids rise with time in an ordinary chat. Where they do not (a message without a date, an imported one, two
seconds around midnight) one message older than the range is no proof that the range is over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tg_fetcher_dagster.telegram.pages import NO_DATE, is_empty

DOUBT = 4
"""So many times more neighbours must be in order in a walk that has met messages out of order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """What proves an edge.

    Attributes:
        messages: so many neighbours in a row on the other side of it (EDGE_MESSAGES),
        pages: or so many pages without a message of this side (EDGE_PAGES).
    """

    messages: int
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What a walk goes over.

    Attributes:
        start: aware; the first moment of the range.
        end: aware; the first moment after it.
        edges: how far beyond it the walk looks.
        known_id: the newest message of the day before, where that day is proved: nothing of the range stands
            below it.
        look_ahead: ask for the next page before the present one is given away; not where a walk is likely to
            be left early.
    """

    start: datetime
    end: datetime
    edges: Edges
    known_id: int | None = None
    look_ahead: bool = True


def count_newer(messages: Iterable[Any], end: datetime) -> int:
    """Returns how many messages at the top of a page are newer than the range."""
    newer = 0
    for message in messages:
        if not is_empty(message):
            if message.date < end:
                break
            newer += 1
    return newer


class LowerEdge:
    """Counts what speaks for it that a walk has left its range at the bottom."""

    def __init__(self, start: datetime, edges: Edges) -> None:
        self._start = start
        self._edges = edges
        self._older = 0
        self._pages = 0
        self._wanted = edges.messages
        self._last: datetime | None = None

    def take(self, messages: tuple[Any, ...]) -> None:
        """Takes in a page, newest message first.

        A message without a date and an imported one say nothing of where in time the walk is.
        """
        self._look_for_disorder(messages)
        older, is_beyond = 0, True
        for message in reversed(messages):
            if _says_nothing(message):
                continue
            if message.date >= self._start:
                is_beyond = False
                break
            older += 1
        self._older = self._older + older if is_beyond else older
        self._pages = self._pages + 1 if is_beyond else 0

    @property
    def is_passed(self) -> bool:
        """True where the range is over."""
        return self._older >= self._wanted or self._pages >= self._edges.pages

    def _look_for_disorder(self, messages: tuple[Any, ...]) -> None:
        for message in messages:
            if is_empty(message):
                continue
            if self._last is not None and message.date > self._last:
                self._wanted = DOUBT * self._edges.messages
            self._last = message.date


def _says_nothing(message: Any) -> bool:  # noqa: ANN401 - Telethon is untyped
    if is_empty(message) or message.date <= NO_DATE:
        return True
    origin = getattr(message, "fwd_from", None)
    return bool(origin is not None and origin.imported)
