"""What one run is asked to fetch, and what it reports of each day."""

import time
from dataclasses import dataclass, field
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
        today: the day is the unfinished one.
        began_at: when the run began (seconds since 1970).
    """

    request_id: str
    chat: str
    days: tuple[date, ...]
    force: bool = False
    limit: int | None = None
    strategy: str = "batch"
    today: bool = False
    began_at: float = field(default_factory=time.time, compare=False)


@dataclass(frozen=True, kw_only=True)
class DayReport:
    """What became of one day.

    Attributes:
        outcome: how it ends, in the words of the ledger's asks; a run itself cancels none.
        coverage: what is now known of the day; None only where it failed and was never read.
        error: why it failed.
        seconds: that a day took which failed; 0 for one that was not begun.
        asked: False for a day that nobody asked for and that has changed all the same.
    """

    chat: str
    day: date
    outcome: End
    coverage: Coverage | None = None
    error: FetchError | None = None
    requests: int = 0
    seconds: float = 0.0
    asked: bool = True
