"""Every name that the events use in Redis. `channel` is the setting EVENTS_CHANNEL."""

SEEN_SECONDS = 7 * 24 * 3600
"""How long a repeat stays silent: longer than any outbox waits for Redis without somebody having looked."""


def stream(channel: str) -> str:
    """The stream of day ends (`tg_events:stream`), capped, for consumers that were down; no progress.

    An entry has two fields: `event`, the JSON object as on the channel, and `event_id`.
    """
    return f"{channel}:stream"


def seen(channel: str, event_id: str) -> str:
    """Set for SEEN_SECONDS once the event was published (`tg_events:seen:{event_id}`)."""
    return f"{channel}:seen:{event_id}"


def epoch(channel: str) -> str:
    """The moment of the ledger's last word with Redis, in milliseconds (`tg_events:epoch`).

    Less than the ledger's own, or nothing, means that Redis has lost time (events/epoch.py).
    """
    return f"{channel}:epoch"
