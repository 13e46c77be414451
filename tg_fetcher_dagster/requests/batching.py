"""Which days one run reads. Pure.

A run has at most 31 days (one backfill chunk) and about 300 estimated requests, which is some minutes of an
account's pace; what is lost when it dies is one day's reading at most.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Final

MAX_DAYS: Final = 31
MAX_REQUESTS: Final = 300.0
MAX_CHATS: Final = 50
"""Chats of one run that reads one day of each."""

_ONE_DAY = dt.timedelta(days=1)


def stretch_around(day: dt.date, asked: Collection[dt.date], *, longest: int) -> tuple[dt.date, ...]:
    """Returns neighbouring days around one of them, first towards the newer, ascending.

    Args:
        day: one of `asked`.
        asked: days, in any order.
        longest: at most so many.
    """
    first = last = day
    length = 1
    while length < longest and last + _ONE_DAY in asked:
        last += _ONE_DAY
        length += 1
    while length < longest and first - _ONE_DAY in asked:
        first -= _ONE_DAY
        length += 1
    return tuple(first + _ONE_DAY * number for number in range(length))


def days_a_run(requests_a_day: float) -> int:
    """Returns how many days of a chat one run reads."""
    return max(1, min(MAX_DAYS, int(MAX_REQUESTS / requests_a_day)))


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
