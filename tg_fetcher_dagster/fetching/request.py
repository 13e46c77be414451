"""What one run is asked to fetch, and what it reports of each day."""

from dataclasses import dataclass
from datetime import date

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger.asks import End
from tg_fetcher_dagster.storage.coverage import Coverage


@dataclass(frozen=True, kw_only=True)
class FetchRequest:
    """Days of one chat, asked for together.

    Attributes:
        request_id: the batch: its asks end with the days, and events are told once for it.
        chat: the chat key.
        days: the days, in any order.
        force: fetch complete days again.
        limit: at most so many messages a day; such a day is not final.
        strategy: told in `fetch_started`.
    """

    request_id: str
    chat: str
    days: tuple[date, ...]
    force: bool = False
    limit: int | None = None
    strategy: str = "batch"


@dataclass(frozen=True, kw_only=True)
class DayReport:
    """What became of one day.

    Attributes:
        outcome: how it ends, in the words of the ledger's asks; a run itself cancels none.
        coverage: what is now known of the day; None only where it failed and was never read.
        error: why it failed.
        asked: False for a day that nobody asked for and that has changed all the same.
    """

    chat: str
    day: date
    outcome: End
    coverage: Coverage | None = None
    error: FetchError | None = None
    requests: int = 0
    asked: bool = True
