"""How many events wait to be told, for who shows it."""

from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings


def pending_events(settings: Settings) -> int:
    """Returns how many events nobody was told yet; it counts no further than 100,000.

    Raises:
        FetchError: (storage) the ledger refuses; (validation) it is of another version.
    """
    ledger = Ledger.open(settings.ledger_location)
    try:
        with ledger.read() as connection:
            return outbox.pending_count(connection)
    finally:
        ledger.close()
