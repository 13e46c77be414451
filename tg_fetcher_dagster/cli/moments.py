"""Moments as they are written on a command line."""

import re
from datetime import UTC, datetime, timedelta

import typer

_AGO = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


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
