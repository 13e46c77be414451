"""The days of a walk that are in the making: each has its builder, and counts what speaks for its end.

A day is not over with the first older message: where ids and dates disagree, one of its own may still follow.
It is closed when so many older neighbours in a row were met (`Edges.messages`), or when the walk ends.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from tg_fetcher_dagster.days import ONE_DAY, day_of, day_start, newest_first
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.fetching.day_builder import DayBuilder
from tg_fetcher_dagster.storage.coverage import Loss
from tg_fetcher_dagster.telegram.pages import NO_DATE
from tg_fetcher_dagster.telegram.records import Record


@dataclass
class OpenDay:
    """A day in the making.

    Attributes:
        began: when the walk came to it, on the monotonic clock.
        fetched_at: the same moment as a time.
        stored: stragglers that waited for the day, the oldest first.
        newest_id: of the messages so far.
        oldest_id: the last one's.
        early: messages that came before the newer days were closed: they are lost with the process.
        lost: what is known to be missing.
        failure: why the day cannot be whole now; what is read of it from then on is not kept.
    """

    day: date
    builder: DayBuilder
    fetched_at: datetime
    stored: list[Record]
    began: float = field(default_factory=time.monotonic)
    newest_id: int | None = None
    oldest_id: int | None = None
    early: list[Record] = field(default_factory=list)
    lost: list[Loss] = field(default_factory=list)
    failure: FetchError | None = None

    def in_order(self, message: Record) -> Iterator[Record]:
        """Gives the message, and before it those that waited for the day and are newer."""
        while self.stored and self.stored[-1].id >= message.id:
            waiting = self.stored.pop()
            if waiting.id > message.id:
                yield waiting
        yield message

    def note(self, message: Record) -> None:
        """Notes that a message was added."""
        if self.newest_id is None or message.id > self.newest_id:
            self.newest_id = message.id
        self.oldest_id = message.id


class Horizon:
    """Which days of a range are not closed yet, and how much older messages were met since each one's last.

    Attributes:
        left: days that are not closed, the newest first.
    """

    def __init__(self, first: date, last: date, *, neighbours: int) -> None:
        self._beyond = dict.fromkeys(newest_first(first, last), 0)
        self._neighbours = neighbours

    @property
    def left(self) -> tuple[date, ...]:
        """The days that are not closed, the newest first."""
        return tuple(self._beyond)

    def __contains__(self, day: date) -> bool:
        return day in self._beyond

    def met(self, day: date, messages: int) -> None:
        """Takes in that so many messages of a day were met in a row."""
        for other in self._beyond:
            if other > day:
                self._beyond[other] += messages
        if day in self._beyond:
            self._beyond[day] = 0

    def passed(self) -> list[date]:
        """Returns the days that are over by their neighbours, the newest first."""
        return [day for day, beyond in self._beyond.items() if beyond >= self._neighbours]

    def close(self, day: date) -> None:
        """Says that a day is closed."""
        del self._beyond[day]


class ScannedIds:
    """Which message ids a walk went over at each day."""

    def __init__(self) -> None:
        self._met: dict[date, tuple[int, int]] = {}

    def met(self, day: date, messages: Sequence[Record]) -> None:
        """Takes in a run of a day's messages, newest first."""
        lowest, highest = messages[-1].id, messages[0].id
        known = self._met.get(day, (lowest, highest))
        self._met[day] = min(known[0], lowest), max(known[1], highest)

    def around(self, opened: OpenDay) -> tuple[int | None, int | None]:
        """Returns the highest and the lowest id of the interval that was scanned for a day.

        It reaches to the neighbouring days' messages where those were met; None where nothing bounds it.
        """
        newer = min((ids[0] for day, ids in self._met.items() if day > opened.day), default=None)
        older = max((ids[1] for day, ids in self._met.items() if day < opened.day), default=None)
        newest = _first(opened.newest_id, newer - 1 if newer is not None else None, max)
        oldest = _first(opened.oldest_id, older + 1 if older is not None else None, min)
        return newest, oldest


def _first(own: int | None, bound: int | None, widest: Callable[[int, int], int]) -> int | None:
    if own is None or bound is None:
        return bound if own is None else own
    return widest(own, bound)


def runs_of(messages: tuple[Record, ...], zone: ZoneInfo) -> Iterator[tuple[date | None, tuple[Record, ...]]]:
    """Yields the runs of messages of one day as they stand in a page; None where nobody can tell the day."""
    days = _days_of(messages, zone)
    begin = 0
    for place in range(1, len(days) + 1):
        if place == len(days) or days[place] != days[begin]:
            yield days[begin], messages[begin:place]
            begin = place


def _days_of(messages: Sequence[Record], zone: ZoneInfo) -> list[date | None]:
    """Returns each message's day; most of a page are of one day, whose bounds are looked up once."""
    days: list[date | None] = []
    day, start, end = None, NO_DATE, NO_DATE
    for message in messages:
        moment = message.date
        if moment is None or moment <= NO_DATE:
            days.append(None)
            continue
        if not start <= moment < end:
            day = day_of(moment, zone)
            start, end = day_start(day, zone), day_start(day + ONE_DAY, zone)
        days.append(day)
    return days
