"""Moments and reasons of a wait, as a person reads them. Pure."""

from datetime import UTC, datetime

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
