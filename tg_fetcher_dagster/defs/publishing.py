"""The way from the outbox to Redis, as hooks and commands take it."""

from tg_fetcher_dagster.events.draining import publish_pending
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings


def drain_outbox(settings: Settings) -> int:
    """Publishes what is pending, within a time box; returns how many events that were.

    Raises:
        FetchError: (network) Redis is away: all that is left stays and is published later.
    """
    ledger = Ledger.open(settings.ledger_location)
    try:
        with ledger.read() as connection:
            if not outbox.pending_count(connection, 1):
                return 0
        return publish_pending(settings, ledger).published
    finally:
        ledger.close()
