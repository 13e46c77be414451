"""Moments as log lines show them. Pure."""

from datetime import UTC, datetime


def timestamp_of(moment: float) -> str:
    """Returns seconds since 1970 in UTC, with milliseconds.

    Example:
        >>> timestamp_of(1764072000.5)
        '2025-11-25T12:00:00.500Z'
    """
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
