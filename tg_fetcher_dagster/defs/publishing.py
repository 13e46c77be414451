"""The way from the outbox to Redis, as hooks and sensors take it."""

from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.events.publisher import EventPublisher
from tg_fetcher_dagster.redis_connection import connect
from tg_fetcher_dagster.settings import Settings


def drain_outbox(settings: Settings) -> int:
    """Publishes what is pending; returns how many events that were.

    Raises:
        FetchError: (network) Redis is away: all that is left stays and is published later.
    """
    outbox = Outbox(settings.data_dir)
    if not settings.enable_events:
        return outbox.drain(None)
    if not outbox.pending():
        return 0
    with connect(settings) as client:
        return outbox.drain(EventPublisher(client, settings.events_channel, settings.events_stream_length))
