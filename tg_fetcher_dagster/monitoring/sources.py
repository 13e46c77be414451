"""Which sources the monitor reads, how often, and how long it waits for each."""

from typing import Any

from tg_fetcher_dagster.monitoring import ledger_source
from tg_fetcher_dagster.monitoring.reader import Reader
from tg_fetcher_dagster.settings import Settings


def readers(settings: Settings) -> list[Reader[Any]]:
    """Returns a reader for each source that the settings name."""
    return [
        Reader("ledger", lambda: ledger_source.read_ledger(settings), every=ledger_source.EVERY),
    ]
