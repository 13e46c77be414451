"""Troubles that last, as one process remembers them: said when they begin, every few minutes, and at the end.

What lasts for all processes stands in the ledger (`ledger/conditions.py`); this is for the ledger itself
being away, and for whatever else one process meets again and again.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

log = structlog.get_logger(__name__)

AGAIN_AFTER: Final = 300.0
"""Seconds after which a trouble that goes on is said once more."""


def say_begins(*, trouble: str, reason: str, wait_seconds: float | None = None) -> None:
    """Says that a trouble has begun."""
    log.warning("a trouble begins", trouble=trouble, reason=reason, wait_seconds=_seconds(wait_seconds))


def say_goes_on(
    *,
    trouble: str,
    reason: str,
    duration_seconds: float,
    count: int | None = None,
    wait_seconds: float | None = None,
) -> None:
    """Says that a trouble has not passed yet.

    Args:
        trouble: what is in trouble.
        reason: the last one, one line.
        duration_seconds: since it began.
        count: how often it was met.
        wait_seconds: until it is expected to end.
    """
    log.warning(
        "a trouble goes on",
        trouble=trouble,
        reason=reason,
        duration_seconds=_seconds(duration_seconds),
        count=count,
        wait_seconds=_seconds(wait_seconds),
    )


def say_is_over(*, trouble: str, reason: str, duration_seconds: float, count: int | None = None) -> None:
    """Says that a trouble has passed."""
    log.info(
        "a trouble is over",
        trouble=trouble,
        reason=reason,
        duration_seconds=_seconds(duration_seconds),
        count=count,
    )


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(max(0.0, value), 1)


@dataclass(slots=True)
class _Standing:
    since: float
    said_at: float
    met_by: set[str] = field(default_factory=set)
    count: int = 0


class Remembered:
    """The troubles of one process; several places that meet the same one say it once. Safe for threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Takes the clock: seconds that only grow."""
        self._clock = clock
        self._standing: dict[str, _Standing] = {}
        self._guard = threading.Lock()

    def met(self, reason: str, *, by: str) -> None:
        """A place meets a trouble; another one that it met before has passed."""
        now = self._clock()
        with self._guard:
            self._pass(by, now, but=reason)
            standing = self._standing.get(reason)
            if standing is None:
                standing = self._standing[reason] = _Standing(now, now)
                say_begins(trouble=by, reason=reason)
            elif now - standing.said_at >= AGAIN_AFTER:
                standing.said_at = now
                say_goes_on(
                    trouble=by,
                    reason=reason,
                    duration_seconds=now - standing.since,
                    count=standing.count,
                )
            standing.met_by.add(by)
            standing.count += 1

    def passed(self, *, by: str) -> None:
        """A place works again."""
        with self._guard:
            self._pass(by, self._clock(), but=None)

    def _pass(self, by: str, now: float, *, but: str | None) -> None:
        for reason, standing in list(self._standing.items()):
            if reason == but or by not in standing.met_by:
                continue
            standing.met_by.discard(by)
            if not standing.met_by:
                del self._standing[reason]
                since = now - standing.since
                say_is_over(trouble=by, reason=reason, duration_seconds=since, count=standing.count)


OF_PROCESS: Final = Remembered()
"""What this process remembers."""
