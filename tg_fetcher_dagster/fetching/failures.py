"""What a failure is, and which days it is the failure of."""

from collections.abc import Iterable
from datetime import date

import structlog

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.request import DayReport

log = structlog.get_logger(__name__)


def failure_of(error: Exception, *, about: str) -> FetchError:
    """Returns the failure that an exception is; an unforeseen one is logged with its stack trace."""
    if isinstance(error, FetchError):
        return error
    log.error("an unforeseen fault", about=about, exc_info=error)
    return FetchError(ErrorType.INTERNAL, f"{about}: {type(error).__name__}: {error}")


def failed_days(
    chat: str, days: Iterable[date], error: FetchError, *, seconds: float = 0.0
) -> list[DayReport]:
    """Returns that days of a chat were not fetched, all for the same reason.

    Args:
        chat: its key.
        days: in the order in which they would have been read.
        error: the reason.
        seconds: that the first one took; the others were not begun.
    """
    return [
        DayReport(chat=chat, day=day, outcome="failed", error=error, seconds=0.0 if place else seconds)
        for place, day in enumerate(days)
    ]


def not_reached(chat: str, days: Iterable[date]) -> list[DayReport]:
    """Returns the failures of days that nobody accounts for: no such day may look like one that is done."""
    left = list(days)
    if not left:
        return []
    named = ", ".join(day.isoformat() for day in left)
    error = FetchError(ErrorType.INTERNAL, f"chat {chat}: the walk ended without a word of {named}")
    log.error("days without a result", chat=chat, dates=[day.isoformat() for day in left])
    return failed_days(chat, left, error)
