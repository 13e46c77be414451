"""Memory that is free goes back to the system: a monitor runs for months beside what has work to do.

Python frees what a look has read, and glibc keeps it for the next one, for each thread apart: 10 MB of 150.
"""

import ctypes
from functools import cache
from typing import Any


def give_back() -> None:
    """Gives back what is free, where the C library has a call for it (glibc, malloc_trim(3)); some ms."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:  # noqa: ANN401 - a function of C
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
