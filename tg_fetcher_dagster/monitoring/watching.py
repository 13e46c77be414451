"""All sources under watch: their readers, and what is said of them together."""

import time
from collections.abc import Sequence
from typing import Any, Final, Self

from tg_fetcher_dagster.monitoring.exposition import Exposition
from tg_fetcher_dagster.monitoring.reader import Reader

STILL: Final = 30.0
"""Seconds without a sign of life after which a reader's thread counts as stuck; it gives one a second."""


class Watching:
    """Readers that run while the block lasts.

    Args:
        readers: of the sources.
    """

    def __init__(self, readers: Sequence[Reader[Any]]) -> None:
        self._readers = readers
        self.exposition = Exposition(readers)

    def __enter__(self) -> Self:
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._readers:
            reader.stop()

    def stuck(self) -> str | None:
        """Returns which reader no longer moves; None where all do. A source that is away stops no reader."""
        still = [reader.name for reader in self._readers if reader.still_for() > STILL]
        return f"no longer moving: {', '.join(still)}" if still else None

    def unread(self) -> str | None:
        """Returns which sources were not looked at yet; None where each was, well or not."""
        unread = [reader.name for reader in self._readers if not reader.seen.looked]
        return f"not read yet: {', '.join(unread)}" if unread else None

    def health(self) -> dict[str, Any]:
        """Returns what the sources' last readings come to."""
        now = time.monotonic()
        seen = [reader.seen for reader in self._readers]
        away = [each for each in seen if not each.up]
        return {
            "status": "down"
            if any(each.name == "ledger" for each in away)
            else "degraded"
            if away
            else "healthy",
            "reasons": [f"{each.name}: {each.error or 'not read yet'}" for each in away],
            "sources": {
                each.name: {"up": each.up, "age_seconds": round(each.age(now), 1), "error": each.error}
                for each in seen
            },
        }
