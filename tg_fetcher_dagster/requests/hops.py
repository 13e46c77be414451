"""How long the first hops of an ask took: in the queue, until it was planned, until its run began. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from tg_fetcher_dagster.ledger.measures import Measure
from tg_fetcher_dagster.metrics.counted import HOP_SECONDS
from tg_fetcher_dagster.requests.understanding import Meant

LONGEST_QUEUE: Final = 7 * 86_400.0
"""Seconds; a producer whose clock is wrong, or that repeats an old object, says more."""


def hops_to_the_plan(planned: Sequence[Meant], *, now: float) -> list[Measure]:
    """Returns what is counted of commands that are planned now."""
    found: list[Measure] = []
    for each in planned:
        request, command = each.understood.request, each.understood.command
        found.append(Measure(HOP_SECONDS, ("plan",), now - request.received_at))
        if command.timestamp is not None:
            waited = request.received_at - command.timestamp.timestamp()
            if 0 <= waited <= LONGEST_QUEUE:
                found.append(Measure(HOP_SECONDS, ("queue",), waited))
    return found


def hops_to_the_start(planned_at: Iterable[float], *, now: float) -> list[Measure]:
    """Returns what is counted of asks, by when each was planned, whose first run begins now."""
    return [Measure(HOP_SECONDS, ("start",), now - each) for each in planned_at]
