"""Waiting for what runs in another process or thread: for an event, never for a time to pass.

A test shows an order of events or a count. How long the machine takes is no part of it, so every wait is as
long as PATIENCE, which only ends a test that has failed; a test that passes never gets near it.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 300.0
"""Seconds after which what is waited for will not come; far above what a busy machine needs."""

LOOK_SECONDS = 0.02
"""Seconds between two looks: the waiting test leaves the processor to what it waits for."""


def until(met: Callable[[], T], *, what: str, look_seconds: float = LOOK_SECONDS) -> T:
    """Looks until something is so, and returns what was seen.

    Raises:
        AssertionError: it has not come about after PATIENCE.
    """
    end = time.monotonic() + PATIENCE
    while not (seen := met()):
        assert time.monotonic() < end, f"{what} did not come about in {PATIENCE:g} s"
        time.sleep(look_seconds)
    return seen
