"""Which days one run reads. Pure.

A run has at most 31 days (one backfill chunk) and about 300 estimated requests, which is some minutes of an
account's pace; what is lost when it dies is one day's reading at most.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Final

from tg_fetcher_dagster.days import ONE_DAY

MAX_DAYS: Final = 31
MAX_REQUESTS: Final = 300.0
MAX_REQUESTS_AHEAD: Final = 30.0
"""Estimated requests of less urgent days that a run makes before it comes to an urgent one: half a minute."""

MAX_CHATS: Final = 50
"""Chats of one run that reads one day of each."""


def stretch_around(day: dt.date, asked: Collection[dt.date]) -> tuple[dt.date, dt.date]:
    """Returns the first and the last of the neighbouring days around one, all of which are asked for."""
    first = last = day
    while last + ONE_DAY in asked:
        last += ONE_DAY
    while first - ONE_DAY in asked:
        first -= ONE_DAY
    return first, last


def days_of_run(
    day: dt.date, asked: Collection[dt.date], urgent: Collection[dt.date], *, longest: int, ahead: int
) -> tuple[dt.date, ...]:
    """Returns the neighbouring days that one run reads, ascending.

    A stretch is cut from its oldest day into runs of the same length, whichever of its days is asked for
    first: so it takes no more runs than it must. What is newer is read first, and what is less urgent must
    not hold an urgent day up.

    Args:
        day: the most urgent one, one of `asked`.
        asked: days that are asked for, in any order.
        urgent: those of them that are as urgent.
        longest: days of a run at most.
        ahead: days at most that are newer and less urgent.
    """
    oldest, newest = stretch_around(day, asked)
    first = oldest + ONE_DAY * ((day - oldest).days // longest * longest)
    _, urgent_until = stretch_around(day, urgent)
    last = min(newest, first + ONE_DAY * (longest - 1), max(urgent_until, day + ONE_DAY * ahead))
    return tuple(first + ONE_DAY * number for number in range((last - first).days + 1))


def days_a_run(requests_a_day: float) -> int:
    """Returns how many days of a chat one run reads."""
    return max(1, min(MAX_DAYS, int(MAX_REQUESTS / requests_a_day)))


def days_ahead(requests_a_day: float) -> int:
    """Returns how many less urgent days of a chat a run may read before an urgent one."""
    return int(MAX_REQUESTS_AHEAD / requests_a_day)


def neighbours(chat: str, asked: Collection[str], order: Sequence[str], *, longest: int) -> tuple[str, ...]:
    """Returns the chats beside one that are asked for, too, without a gap in the order of partitions.

    Args:
        chat: one of `asked`; alone where it has no partition yet.
        asked: chats of which the same day is asked for.
        order: of the partitions.
        longest: at most so many.
    """
    place = {each: number for number, each in enumerate(order)}
    if chat not in place:
        return (chat,)
    first = last = place[chat]
    while last - first + 1 < longest and last + 1 < len(order) and order[last + 1] in asked:
        last += 1
    while last - first + 1 < longest and first > 0 and order[first - 1] in asked:
        first -= 1
    return tuple(order[first : last + 1])
