"""What a run leaves at the Pushgateway: the last values of each chat, and nothing that counts.

A push replaces its whole group, so counters would be wrong here; they come from a long-lived exporter.
"""

from prometheus_client import CollectorRegistry, Gauge

PREFIX = "tg_fetcher_last_run"


def set_run_gauges(
    registry: CollectorRegistry,
    *,
    messages: int,
    days: int,
    failed_days: int,
    requests: int,
    duration_seconds: float,
    at: float,
) -> None:
    """Puts the gauges of one chat's part of a run into an empty registry.

    Args:
        registry: what is pushed.
        messages: in the days that were read.
        days: that were asked for.
        failed_days: of those.
        requests: made to Telegram.
        duration_seconds: of all days together.
        at: when, in seconds since the epoch.
    """
    values = {
        "messages": ("Messages read by the last run.", messages),
        "days": ("Days that the last run was asked for.", days),
        "failed_days": ("Days that the last run did not fetch.", failed_days),
        "requests": ("Requests to Telegram that the last run made.", requests),
        "duration_seconds": ("Seconds that the last run took.", duration_seconds),
        "timestamp_seconds": ("When the last run ended.", at),
    }
    for name, (told, value) in values.items():
        Gauge(f"{PREFIX}_{name}", told, registry=registry).set(value)
