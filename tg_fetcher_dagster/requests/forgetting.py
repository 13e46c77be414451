"""What ended long ago is forgotten, some of it at a time, so that the ledger does not grow for ever."""

from typing import Final

from tg_fetcher_dagster.ledger import attempts, batches, claims, requests
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.facts import keep_fact, number_fact
from tg_fetcher_dagster.ledger.measures import fold, waiting

KEPT: Final = 30 * 86_400.0
"""Seconds for which an ended request is kept, with its days, batches and runs (docs/ledger.md)."""

CLAIMS_KEPT: Final = 7 * 86_400.0
"""Seconds for which a handful's token is known: an older Redis does not come back from a backup by itself."""

EVERY: Final = 600.0
"""Seconds between two looks."""

AT_ONCE: Final = 500
"""Requests of one look: with a year each they are 180,000 rows."""

_FACT: Final = "forgot_requests_at"


MOST_UNCOUNTED: Final = 5_000
"""Measures that may wait for a monitor, which folds before it reads; without one they are folded here."""


def forget_old(ledger: Ledger, now: float) -> int:
    """Forgets some of what ended long ago, every EVERY seconds; returns how many requests.

    Measures are counted before they go, as soon as many wait.
    """
    with ledger.read() as connection:
        last = number_fact(connection, _FACT)
        uncounted = waiting(connection, MOST_UNCOUNTED + 1)
    if uncounted > MOST_UNCOUNTED:
        fold(ledger)
    if 0 <= now - last < EVERY:
        return 0
    with ledger.write() as connection:
        keep_fact(connection, _FACT, str(now))
        batches.forget(connection, now - KEPT)
        attempts.forget(connection, now - KEPT)
        claims.forget(connection, now - CLAIMS_KEPT)
        return requests.forget(connection, now - KEPT, AT_ONCE)
