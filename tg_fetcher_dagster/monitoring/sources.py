"""Which sources the monitor reads, how often, and how long it waits for each."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tg_fetcher_dagster.defs.instance_facts import InstanceState
from tg_fetcher_dagster.ledger.engines import BUSY_SECONDS
from tg_fetcher_dagster.monitoring import dagster_source, disk_source, ledger_source, redis_source
from tg_fetcher_dagster.monitoring.dagster_source import DagsterSource
from tg_fetcher_dagster.monitoring.disk_source import DiskFacts
from tg_fetcher_dagster.monitoring.ledger_facts import LedgerFacts
from tg_fetcher_dagster.monitoring.ledger_source import LedgerSource
from tg_fetcher_dagster.monitoring.reader import Reader
from tg_fetcher_dagster.monitoring.redis_source import RedisFacts, RedisSource
from tg_fetcher_dagster.monitoring.verdict import Observed, source_of
from tg_fetcher_dagster.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """A reader for each source.

    Attributes:
        redis: None where REDIS_URL is empty: there is no Redis to be away.
        folding: adds measures to the totals; a write of another process may hold it up for long.
    """

    ledger: Reader[LedgerFacts]
    dagster: Reader[InstanceState]
    disk: Reader[DiskFacts]
    redis: Reader[RedisFacts] | None
    folding: Reader[int]

    @property
    def read(self) -> list[Reader[Any]]:
        """The readers of sources, in the order in which they are shown."""
        return [self.ledger, self.dagster, self.disk, *([self.redis] if self.redis is not None else [])]

    @property
    def required(self) -> list[Reader[Any]]:
        """Those without which nothing can be said of the fetcher."""
        return [self.ledger, self.dagster, self.disk]

    def observed(self, *, now: float, wall: float) -> Observed:
        """Returns all at a moment, in monotonic seconds and in seconds since 1970."""
        return Observed(
            wall=wall,
            ledger=source_of(self.ledger.seen, now),
            dagster=source_of(self.dagster.seen, now),
            disk=source_of(self.disk.seen, now),
            redis=source_of(self.redis.seen, now) if self.redis is not None else None,
            folding=source_of(self.folding.seen, now),
        )


def sources_of(settings: Settings, *, clock: Callable[[], float] = time.time) -> Sources:
    """Returns the readers of what the settings name; none of them reads yet."""
    redis = RedisSource(settings, clock=clock) if settings.redis_url is not None else None
    return Sources(
        ledger=Reader("ledger", LedgerSource(settings, clock=clock).read, every=ledger_source.EVERY),
        dagster=Reader("dagster", DagsterSource(settings, clock=clock).read, every=dagster_source.EVERY),
        disk=Reader("disk", lambda: disk_source.read_disk(settings), every=disk_source.EVERY),
        redis=Reader("redis", redis.read, every=redis_source.EVERY) if redis is not None else None,
        folding=Reader(
            "folding",
            lambda: ledger_source.fold_all(settings),
            every=ledger_source.EVERY,
            patience=BUSY_SECONDS + 10,
            leave_after=300,
        ),
    )
