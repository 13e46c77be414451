"""What a scrape is answered with: each source's last reading, and what the monitor knows of itself."""

import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest

from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.monitoring.families import Shown, gauge_families, text_of
from tg_fetcher_dagster.monitoring.reader import Seen
from tg_fetcher_dagster.monitoring.redis_source import RedisFacts
from tg_fetcher_dagster.monitoring.states_shown import since
from tg_fetcher_dagster.monitoring.verdict import Observed

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Exposition:
    """Answers scrapes; each costs the same, whatever the sources do."""

    def __init__(self) -> None:
        self._version = version("tg-fetcher-dagster")
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        self._seconds = 0.0

    def text(self, seen: Sequence[Seen[Any]], observed: Observed, *, now: float) -> bytes:
        """Returns everything in Prometheus's text format.

        Args:
            seen: the sources' last readings.
            observed: the same, for what several of them say together.
            now: monotonic seconds.
        """
        began = time.perf_counter()
        gauges = [
            Shown(shown.BUILD, 1, (self._version,)),
            *of_sources(seen, now),
            Shown(shown.SCRAPE_SECONDS, self._seconds),
            *of_queues(observed),
        ]
        parts = [text_of(gauge_families(gauges, zeros=False)), generate_latest(self._process)]
        parts += [each.reading.text for each in seen if each.reading is not None]
        answer = b"".join(parts)
        self._seconds = time.perf_counter() - began
        return answer


def of_sources(seen: Sequence[Seen[Any]], now: float) -> list[Shown]:
    """Returns whether each source answers, how old its values are and how long a look takes."""
    return [
        each
        for source in seen
        for each in (
            Shown(shown.SOURCE_UP, float(source.up), (source.name,)),
            Shown(shown.SOURCE_AGE, source.age(now), (source.name,)),
            Shown(shown.SOURCE_SECONDS, source.seconds, (source.name,)),
        )
    ]


def of_queues(observed: Observed) -> list[Shown]:
    """Returns how many commands wait, and since when: Redis, the disk and the ledger each know a part.

    Nothing of who was never read: a 0 would say that nothing waits there.
    """
    redis = observed.redis.facts if observed.redis is not None else RedisFacts(queued=0, oldest_at=None)
    disk, ledger = observed.disk.facts, observed.ledger.facts
    shown_here: list[Shown] = []
    if redis is not None:
        shown_here.append(Shown(shown.QUEUE, redis.queued, ("redis",)))
    if disk is not None:
        shown_here.append(Shown(shown.QUEUE, disk.spooled, ("spool",)))
    if redis is not None or disk is not None:
        queued = [each.oldest_at for each in (redis, disk) if each is not None and each.oldest_at is not None]
        oldest = since(min(queued, default=None), observed.wall)
        shown_here.append(Shown(shown.QUEUE_AGE, oldest, ("queued",)))
    if ledger is not None:
        planned, running = ledger.oldest.planned, ledger.oldest.running
        shown_here.append(Shown(shown.QUEUE_AGE, since(planned, observed.wall), ("planned",)))
        shown_here.append(Shown(shown.QUEUE_AGE, since(running, observed.wall), ("running",)))
    return shown_here
