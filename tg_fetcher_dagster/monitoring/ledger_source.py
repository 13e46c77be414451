"""The ledger, as the monitor sees it: what was counted, and the states that it knows of."""

from dataclasses import dataclass
from typing import Final

from tg_fetcher_dagster.ledger import measures
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.monitoring.families import Shown, counted_families, gauge_families, text_of
from tg_fetcher_dagster.monitoring.reader import Reading
from tg_fetcher_dagster.settings import Settings

EVERY: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFacts:
    """What the verdict asks of the ledger."""

    uncounted: int


def read_ledger(settings: Settings) -> Reading[LedgerFacts]:
    """Adds up what was measured and reads what the ledger knows.

    Raises:
        FetchError: (storage) it cannot be reached, or there is none yet.
    """
    with Ledger.open_made(settings.ledger_location) as ledger:
        while measures.fold(ledger):
            pass
        with ledger.read() as connection:
            totals = measures.read_totals(connection)
            uncounted = measures.waiting(connection)
    gauges = [Shown(shown.UNCOUNTED, uncounted)]
    text = text_of([*counted_families(totals), *gauge_families(gauges)])
    return Reading(LedgerFacts(uncounted=uncounted), text)
