"""What one run is asked to fetch, and what it reports of each day."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.storage.coverage import Coverage

Outcome = Literal["fetched", "unchanged", "skipped", "failed"]
"""`fetched`: new or changed content; `unchanged`: read again, the same; `skipped`: complete already."""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """One command and the neighbouring days that it asked for."""

    command_id: str
    correlation_id: str
    first: date
    last: date


@dataclass(frozen=True, kw_only=True)
class FetchRequest:
    """Days of one chat, asked for together.

    Attributes:
        request_id: names what was asked across attempts: events are told once for it.
        chat: the chat key.
        days: the days, in any order.
        force: fetch complete days again.
        limit: at most so many messages a day; such a day is not final.
        asked_by: the commands that this answers; nobody where a person or a schedule asked.
        strategy: told in `fetch_started`.
    """

    request_id: str
    chat: str
    days: tuple[date, ...]
    force: bool = False
    limit: int | None = None
    asked_by: tuple[Asker, ...] = ()
    strategy: str = "batch"

    @property
    def correlation_id(self) -> str:
        """What log lines about the whole request carry."""
        return self.asked_by[0].correlation_id if self.asked_by else self.request_id

    def asked_on(self, day: date) -> tuple[Asker, ...]:
        """Returns the commands that asked for a day."""
        return tuple(asker for asker in self.asked_by if asker.first <= day <= asker.last)


@dataclass(frozen=True, kw_only=True)
class DayResult:
    """What became of one day.

    Attributes:
        coverage: what is now known of the day; None only where it failed and was never read.
        error: why it failed.
        asked: False for a day that nobody asked for and that has changed all the same.
    """

    chat: str
    day: date
    outcome: Outcome
    coverage: Coverage | None = None
    error: FetchError | None = None
    requests: int = 0
    duration_seconds: float = 0.0
    asked: bool = True
