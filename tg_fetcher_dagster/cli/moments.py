"""Moments as they are written on a command line and as a person reads them. Pure."""

import re
from datetime import UTC, datetime, timedelta

import typer

_AGO = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_REASONS = {
    "rate_limit": "Telegram asked for a pause",
    "auth": "the account cannot be used",
    "suspicious_deletion": "many messages are gone: it is read again later",
}
"""By the sort of the error; the others say it in their own words."""

LONGEST_REASON = 200
"""Characters of a reason in a line of its own."""


def told_moment(moment: float | None, *, now: datetime) -> str:
    """Returns a moment (seconds since 1970) as `12:31 UTC`, with its day where that is not today's."""
    if moment is None:
        return "nobody knows when"
    at = datetime.fromtimestamp(moment, UTC)
    return f"{at:%H:%M} UTC" if at.date() == now.astimezone(UTC).date() else f"{at:%Y-%m-%d %H:%M} UTC"


def told_reason(error_type: str | None, error: str | None) -> str:
    """Returns why something waits, in a few words."""
    if error_type in _REASONS:
        return _REASONS[error_type]
    return (error or "it is tried again then")[:LONGEST_REASON]


def parse_since(text: str, *, now: datetime) -> datetime:
    """Returns the moment that `2025-11-25T10:00` or `2h` means; without a zone it is UTC.

    Raises:
        typer.BadParameter: it means none.

    >>> parse_since("2h", now=datetime(2025, 11, 25, 12, tzinfo=UTC)).isoformat()
    '2025-11-25T10:00:00+00:00'
    >>> parse_since("2025-11-25", now=datetime(2025, 11, 25, 12, tzinfo=UTC)).isoformat()
    '2025-11-25T00:00:00+00:00'
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago["unit"]]: int(ago["number"])})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is no moment: write 2025-11-25T10:00 (UTC), or 90s, 30m, 2h, 3d"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
