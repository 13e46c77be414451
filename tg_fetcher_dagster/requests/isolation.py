"""One thing that breaks what works on many must not stop the others; a ledger that is away stops all."""

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger import requests
from tg_fetcher_dagster.ledger.database import Ledger


def is_away(ledger: Ledger) -> bool:
    """True where the ledger refuses everything, not just what one row holds."""
    try:
        with ledger.read() as connection:
            requests.counts(connection)
    except FetchError:
        return True
    return False
