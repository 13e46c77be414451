"""SIGTERM and Ctrl-C end a step in order: the connection is closed, the lease let go, nothing half-written.

Dagster raises its interrupt wherever the step happens to be, and its retry policy takes that for a failure:
an `async def` step was started again beside its first attempt, which still ran on the same event loop (two
walks at once, measured on 1.13.27). So a step runs its own loop, cancels its one task at a signal, and then
fails without a retry. Dagster makes "canceled" of that where somebody asked for it.
"""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import dagster as dg

from tg_fetcher_dagster.defs.heartbeat import Heartbeat

T = TypeVar("T")

SIGNALS = (signal.SIGTERM, signal.SIGINT)

INTERRUPTED = "interrupted"
"""The metadata entry of a step that was asked to end."""


class Interrupted(Exception):  # noqa: N818 - no error: somebody asked for it
    """The process was asked to end while the work was under way."""


def run_to_its_end(work: Coroutine[Any, Any, T], heartbeat: Heartbeat | None = None) -> T:
    """Runs the work on a loop of its own and returns its result.

    Args:
        work: what to do.
        heartbeat: of the run; it ends the work, too, where somebody has ended the run.

    Raises:
        Interrupted: a signal came, or the run was ended; the work has been cancelled and has cleaned up.
    """

    async def cancelable() -> T:
        with _cancelled_by_signals(), _cancelled_by(heartbeat):
            return await work

    try:
        return asyncio.run(cancelable())
    except asyncio.CancelledError:
        raise Interrupted from None


@contextmanager
def _cancelled_by(heartbeat: Heartbeat | None) -> Iterator[None]:
    task = asyncio.current_task()
    if heartbeat is None or task is None:
        yield
        return
    loop = asyncio.get_running_loop()
    heartbeat.when_ended(lambda: loop.call_soon_threadsafe(task.cancel))
    try:
        yield
    finally:
        heartbeat.when_ended(None)


@contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    task = asyncio.current_task()
    if task is None or threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals: whoever started this thread sees to them
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def interruption(kept: int, *, of: int) -> dg.Failure:
    """Returns the failure of a step that was asked to end; never retried in this process."""
    return dg.Failure(
        description=f"interrupted: the process was asked to end; {kept} of {of} days are kept. What to do:"
        " nothing: another run reads the others, unless somebody has cancelled this one",
        metadata={INTERRUPTED: True},
        allow_retries=False,
    )
