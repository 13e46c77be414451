"""The arithmetic of days: bounds in the deployment's zone, runs of neighbouring days. Pure."""

from collections.abc import Iterable, Iterator, Sequence
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


def stretches(days: Iterable[date]) -> list[tuple[date, date]]:
    """Returns the runs of neighbouring days as `(first, last)`, the newest run first.

    >>> stretches([date(2025, 11, 1), date(2025, 11, 2), date(2025, 11, 5)])
    [(datetime.date(2025, 11, 5), datetime.date(2025, 11, 5)),
     (datetime.date(2025, 11, 1), datetime.date(2025, 11, 2))]
    """
    ordered: Sequence[date] = sorted(set(days), reverse=True)
    runs: list[tuple[date, date]] = []
    for day in ordered:
        if runs and runs[-1][0] - ONE_DAY == day:
            runs[-1] = (day, runs[-1][1])
        else:
            runs.append((day, day))
    return runs
