"""The heartbeat of a run: others see by it that its process lives, and it learns by it that it must stop.

A thread of its own, so that a step that computes, or waits between two tries, is heard of all the same. A
process that was stopped for a while (SIGSTOP, a suspended machine) comes to life when others have given its
days to another run: the next beat says so.
"""

import contextvars
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.logs.lasting import OF_PROCESS

EVERY: Final = 5.0
"""Seconds between two beats; a run that was not heard of for SILENT seconds counts as dead."""

SILENT: Final = 60.0


class Heartbeat:
    """Beats while its block lasts.

    Args:
        beat: notes that the run is alive; False where somebody has ended the run meanwhile.
        every: seconds between two beats.
    """

    def __init__(self, beat: Callable[[], bool], *, every: float = EVERY) -> None:
        self._beat = beat
        self._every = every
        self._over = threading.Event()
        self._ended = threading.Event()
        self._on_end: Callable[[], object] | None = None
        self._guard = threading.Lock()
        # What log lines carry of the run is bound to the context in which it began.
        within = contextvars.copy_context()
        self._thread = threading.Thread(target=within.run, args=(self._go_on,), name="heartbeat", daemon=True)

    @property
    def ended(self) -> bool:
        """True once somebody else has ended the run."""
        return self._ended.is_set()

    def when_ended(self, call: Callable[[], object] | None) -> None:
        """Says whom to call, in the heartbeat's thread, once somebody else ends the run; None for nobody."""
        with self._guard:
            self._on_end = call
            if call is not None and self._ended.is_set():
                call()

    def __enter__(self) -> Self:
        """Begins to beat."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Beats no more."""
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._over.wait(self._every):
            try:
                alive = self._beat()
            except FetchError as error:
                # The ledger is busy or away for a moment; the run goes on until it is told otherwise.
                OF_PROCESS.met(error.message, by="heartbeat")
                continue
            OF_PROCESS.passed(by="heartbeat")
            if not alive:
                with self._guard:
                    self._ended.set()
                    if self._on_end is not None:
                        self._on_end()
                return
