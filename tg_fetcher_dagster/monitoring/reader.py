"""A source, read by a thread of its own, so that one that is slow, frozen or away holds up nothing else.

Each look runs in a further thread, which is left behind where it hangs: a database that accepts a
connection and never answers would else hold the reader for as long as it likes.
"""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

import structlog

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.logs.masking import masked
from tg_fetcher_dagster.monitoring.memory import give_back

log = structlog.get_logger(__name__)

Facts = TypeVar("Facts")

MOST_LEFT_BEHIND: Final = 3
"""Looks that hang at once; beyond that the reader waits for one of them to end."""

MOVES: Final = 1.0
"""Seconds between two signs of life of a reader that waits for its look."""


@dataclass(frozen=True, slots=True)
class Reading(Generic[Facts]):
    """What a source said in one look.

    Attributes:
        facts: for the verdict.
        text: its metrics, in Prometheus's text format.
    """

    facts: Facts
    text: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Generic[Facts]):
    """What is known of a source at a moment; moments are monotonic seconds.

    Attributes:
        reading: the last whole look's; None before the first one.
        read_at: when that ended.
        up: whether the last look was answered in time.
        error: why it was not, one line.
        seconds: how long the last whole look took.
        looked: whether any look has ended, well or not.
    """

    name: str
    began_at: float
    reading: Reading[Facts] | None = None
    read_at: float | None = None
    up: bool = False
    error: str | None = None
    seconds: float = 0.0
    looked: bool = False

    def age(self, now: float) -> float:
        """Returns the seconds since the last whole look; since the reader began, where there was none."""
        return max(0.0, now - (self.began_at if self.read_at is None else self.read_at))


class _Look(Generic[Facts]):
    """One look in a thread of its own."""

    def __init__(self, name: str, read: Callable[[], Reading[Facts]]) -> None:
        self.over = threading.Event()
        self.reading: Reading[Facts] | None = None
        self.error: Exception | None = None
        self._read = read
        context = copy_context()
        threading.Thread(target=context.run, args=(self._run,), name=f"look-{name}", daemon=True).start()

    def _run(self) -> None:
        try:
            self.reading = self._read()
        except Exception as error:  # noqa: BLE001 - told by the reader: a look that fails ends no monitor
            self.error = error
        finally:
            self.over.set()


class Reader(Generic[Facts]):
    """Reads a source again and again.

    Args:
        name: the source's, one of `metrics.shown.SOURCES`.
        read: looks once; it opens what it needs and closes it, since a look may be left behind.
        every: seconds from the end of a look to the next one.
        patience: seconds of a look after which the source counts as silent.
        leave_after: seconds after which a look is left behind and another one begins.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], Reading[Facts]],
        *,
        every: float,
        patience: float = 10.0,
        leave_after: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._every = every
        self._patience = patience
        self._leave_after = leave_after
        self._clock = clock
        self._seen: Seen[Facts] = Seen(name=name, began_at=clock())
        self._moved_at = clock()
        self._left: list[_Look[Facts]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name=f"read-{name}", daemon=True)

    @property
    def name(self) -> str:
        """The source's name."""
        return self._seen.name

    @property
    def seen(self) -> Seen[Facts]:
        """What is known now; never waits."""
        return self._seen

    def still_for(self) -> float:
        """Returns the seconds since this reader's own thread last moved, whatever its source does."""
        return self._clock() - self._moved_at

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def stop(self) -> None:
        """Reads no more; a look that is under way is left to itself."""
        self._over.set()

    def look(self) -> None:
        """Looks once, and takes in what was seen, or that nothing was."""
        self._left = [each for each in self._left if not each.over.is_set()]
        if len(self._left) >= MOST_LEFT_BEHIND:
            self._missed(f"no answer; {len(self._left)} looks still wait for one")
            return
        began = self._clock()
        look = _Look(self.name, self._read)
        while not look.over.wait(min(MOVES, self._patience)):
            self._moved_at = self._clock()
            waited = self._moved_at - began
            if self._over.is_set():
                return
            if waited >= self._patience:
                self._missed(f"no answer within {self._patience:g} s")
            if waited >= self._leave_after:
                self._left.append(look)
                return
        ended = self._clock()
        if look.reading is None:
            self._missed(_told(look.error))
            return
        self._tell_return()
        self._seen = replace(
            self._seen, reading=look.reading, read_at=ended, up=True, error=None, seconds=ended - began,
            looked=True,
        )  # fmt: skip

    def _go_on(self) -> None:
        while not self._over.is_set():
            self.look()
            give_back()
            self._moved_at = self._clock()
            self._over.wait(self._every)

    def _missed(self, why: str) -> None:
        # One line when it begins and one when it ends: a state that lasts is no line a look.
        if self._seen.up or not self._seen.looked:
            log.warning("a source cannot be read", source=self.name, error=why)
        self._seen = replace(self._seen, up=False, error=why, looked=True)

    def _tell_return(self) -> None:
        if self._seen.looked and not self._seen.up:
            log.info("a source can be read again", source=self.name)


def _told(error: Exception | None) -> str:
    """One line, fit to be shown over HTTP: what a driver says may hold the address with its password."""
    if isinstance(error, FetchError):
        return masked(error.message)
    return masked(" ".join(f"{type(error).__name__}: {error}".split()))
