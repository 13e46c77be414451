"""`python -m bench [PART ...]`: measures the parts that are named, or all of them, one after another."""

import importlib
import logging
import sys
import time

import structlog

PARTS = (
    "requests",
    "reading",
    "memory",
    "partitions",
    "status",
    "monitor",
    "outbox",
    "logs",
    "ticks",
    "latency",
    "measuring",
)
"""Modules of this package with a `main()` that prints its figures."""


def main(parts: list[str]) -> None:
    """Runs the parts in turn, so that none shares the machine with another."""
    if unknown := [part for part in parts if part not in PARTS]:
        sys.exit(f"error: no part is called {unknown[0]!r}; there are {', '.join(PARTS)}")
    # A line for each command would be most of what is measured, and hide the figures.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for part in parts or PARTS:
        print(f"# {part}", flush=True)
        began = time.perf_counter()
        importlib.import_module(f"bench.{part}").main()
        print(f"# {part} took {time.perf_counter() - began:.0f} s\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
