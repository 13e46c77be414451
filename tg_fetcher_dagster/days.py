"""The arithmetic of days: bounds in the deployment's zone, runs of neighbouring days. Pure."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Returns the first moment of a day, aware and in UTC; a day may have 23 or 25 hours."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """Returns the day that a moment belongs to in the zone."""
    return moment.astimezone(zone).date()


def newest_first(first: date, last: date) -> Iterator[date]:
    """Yields every day of `first..last`, the newest first."""
    day = last
    while day >= first:
        yield day
        day -= ONE_DAY


def stretches(days: Iterable[date]) -> list[tuple[date, ...]]:
    """Returns neighbouring days grouped together, ascending; each day once.

    >>> [(run[0].day, run[-1].day) for run in stretches([date(2025, 11, day) for day in (5, 1, 2)])]
    [(1, 2), (5, 5)]
    """
    groups: list[list[date]] = []
    for day in sorted(set(days)):
        if groups and groups[-1][-1] + ONE_DAY == day:
            groups[-1].append(day)
        else:
            groups.append([day])
    return [tuple(group) for group in groups]
