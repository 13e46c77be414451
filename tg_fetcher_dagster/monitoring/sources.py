"""Which sources the monitor reads, how often, and how long it waits for each."""

from typing import Any

from tg_fetcher_dagster.ledger.engines import BUSY_SECONDS
from tg_fetcher_dagster.monitoring import ledger_source
from tg_fetcher_dagster.monitoring.ledger_source import LedgerSource
from tg_fetcher_dagster.monitoring.reader import Reader
from tg_fetcher_dagster.settings import Settings


def readers(settings: Settings) -> list[Reader[Any]]:
    """Returns a reader for each source that the settings name."""
    return [
        Reader("ledger", LedgerSource(settings).read, every=ledger_source.EVERY),
    ]


def folding(settings: Settings) -> Reader[int]:
    """Returns who adds measures to the totals; a write of another process may hold it up for long."""
    return Reader(
        "folding",
        lambda: ledger_source.fold_all(settings),
        every=ledger_source.EVERY,
        patience=BUSY_SECONDS + 10,
        leave_after=300,
    )
