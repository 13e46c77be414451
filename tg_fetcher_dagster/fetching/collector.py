"""Python's garbage collector, told that a walk makes many short-lived objects on purpose."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_OBJECTS = 200_000
"""Objects made before the youngest generation is looked at. A page is some ten thousand objects, all freed by
reference counting, and a walk holds two or three pages, which every look would go over; with Python's own 700
the collector took a tenth of a walk's time, with 10,000 still 7 % (docs/benchmarks.md)."""


@contextmanager
def calm_collector() -> Iterator[None]:
    """Lets the collector look less often inside the block, and as before after it."""
    young, middle, old = gc.get_threshold()
    gc.set_threshold(max(young, YOUNG_OBJECTS), middle, old)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)
