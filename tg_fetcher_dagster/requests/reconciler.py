"""The one reconciler: takes requests in, plans, asks for runs, follows them, ends every ask."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.runs import ResolveRequest, Runs


@dataclass(frozen=True, slots=True)
class Wait:
    """Why no run is started now.

    Attributes:
        why: one line.
        until: seconds since 1970; None where nobody knows.
    """

    why: str
    until: float | None


@dataclass(slots=True)
class TickResult:
    """What a tick came to.

    Attributes:
        start: batches whose run does not exist yet; returned again each tick until it does. `batch_id` is
            the run's key.
        resolve: resolve runs that do not exist yet; likewise.
        cancel: ids of runs whose days were all cancelled.
        notes: lines for whoever looks at the tick.
        taken: commands that were taken in.
        ended: requests that ended, well or not.
        failed: those of them that failed.
        told: events that were recorded and are to be published.
        open_batches: batches that have not ended.
        wait: why no new run is asked for; None where one may be.
        more: the time box ended before the work: the next tick goes on.
    """

    start: list[Batch] = field(default_factory=list)
    resolve: list[ResolveRequest] = field(default_factory=list)
    cancel: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    taken: int = 0
    ended: int = 0
    failed: int = 0
    told: int = 0
    open_batches: int = 0
    wait: Wait | None = None
    more: bool = False


class Source(Protocol):
    """A place that commands come from."""

    def take(self, ledger: Ledger, now: float) -> int:
        """Moves a handful of commands into the ledger; returns how many, 0 where none are left."""


class Reconciler:
    """Carries requests to their end, one tick at a time."""

    def __init__(self, ledger: Ledger, *, rules: Rules, sources: Sequence[Source], runs: Runs) -> None:
        self._ledger = ledger
        self._rules = rules
        self._sources = tuple(sources)
        self._runs = runs

    def tick(self, now: float, deadline: float) -> TickResult:
        """Does what can be done until the deadline.

        Args:
            now: seconds since 1970, of Telegram's clock where it is known.
            deadline: of `time.monotonic`.
        """
        raise NotImplementedError
