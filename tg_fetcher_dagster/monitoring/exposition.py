"""What a scrape is answered with: each source's last reading, and what the monitor knows of itself."""

import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest

from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.monitoring.families import Shown, gauge_families, text_of
from tg_fetcher_dagster.monitoring.reader import Reader, Seen

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Exposition:
    """Answers scrapes; each costs the same, whatever the sources do.

    Args:
        readers: of the sources.
    """

    def __init__(self, readers: Sequence[Reader[Any]]) -> None:
        self._readers = readers
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        self._version = version("tg-fetcher-dagster")
        self._seconds = 0.0

    def text(self) -> bytes:
        """Returns everything in Prometheus's text format."""
        began = time.perf_counter()
        seen = [reader.seen for reader in self._readers]
        own = text_of(gauge_families([*of_sources(seen, time.monotonic()), *self._of_itself()]))
        parts = [own, generate_latest(self._process)]
        parts += [each.reading.text for each in seen if each.reading is not None]
        answer = b"".join(parts)
        self._seconds = time.perf_counter() - began
        return answer

    def _of_itself(self) -> list[Shown]:
        return [Shown(shown.BUILD, 1, (self._version,)), Shown(shown.SCRAPE_SECONDS, self._seconds)]


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
