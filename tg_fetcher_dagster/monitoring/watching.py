"""All sources under watch, and what is said of them together."""

import time
from collections.abc import Callable
from typing import Final, Self

from tg_fetcher_dagster.monitoring.exposition import Exposition
from tg_fetcher_dagster.monitoring.health import Health, health_of
from tg_fetcher_dagster.monitoring.sources import Sources

STILL: Final = 30.0
"""Seconds without a sign of life after which a reader's thread counts as stuck; it gives one a second."""


class Watching:
    """Sources that are read while the block lasts.

    Args:
        sources: not read yet.
        clock: monotonic seconds.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        sources: Sources,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._sources = sources
        self._readers = [*sources.read, sources.folding]
        self._clock = clock
        self._wall = wall
        self._exposition = Exposition()

    def __enter__(self) -> Self:
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._readers:
            reader.stop()

    def metrics(self) -> bytes:
        """Returns all metrics in Prometheus's text format; never waits for a source."""
        now, wall = self._clock(), self._wall()
        seen = [reader.seen for reader in self._sources.read]
        return self._exposition.text(seen, self._sources.observed(now=now, wall=wall), now=now)

    def health(self) -> Health:
        """Returns whether the fetcher works, by what its sources said last."""
        return health_of(self._sources.observed(now=self._clock(), wall=self._wall()))

    def stuck(self) -> str | None:
        """Returns which reader no longer moves; None where all do. A source that is away stops no reader."""
        still = [reader.name for reader in self._readers if reader.still_for() > STILL]
        return f"no longer moving: {', '.join(still)}" if still else None

    def unread(self) -> str | None:
        """Returns which of the sources that are needed was never read; None where each was once."""
        never = [reader.seen for reader in self._sources.required if reader.seen.reading is None]
        return "; ".join(f"{each.name}: {each.error or 'not read yet'}" for each in never) or None
