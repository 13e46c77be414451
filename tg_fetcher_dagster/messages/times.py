"""Moments as the files spell them: UTC, whole seconds, `Z`."""

from datetime import UTC, datetime

EPOCH = "1970-01-01T00:00:00Z"


def timestamp(moment: str | None) -> str | None:
    """Returns an ISO 8601 moment as `2025-11-07T23:59:59Z`, or None for none."""
    if not moment:
        return None
    if moment.endswith(("+00:00", "Z")):
        return f"{moment[:19]}Z"
    parsed = datetime.fromisoformat(moment)
    parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    return f"{parsed:%Y-%m-%dT%H:%M:%S}Z"
