"""What is counted of the days that a run has left, when its batch is settled. Pure."""

from collections.abc import Sequence

from tg_fetcher_dagster.ledger.batches import BatchState
from tg_fetcher_dagster.ledger.measures import Measure
from tg_fetcher_dagster.ledger.open_asks import OpenAsk
from tg_fetcher_dagster.metrics.counted import ERRORS, FETCHES, RETRIES
from tg_fetcher_dagster.requests.retrying import Fate


def measures_of_end(state: BatchState, fates: Sequence[tuple[OpenAsk, Fate]]) -> list[Measure]:
    """Returns what is counted of one batch; what its run has noted of a day it has counted, too.

    Args:
        state: the batch's before it ended: whether its run had begun.
        fates: its open asks, each with what becomes of it; a day that two asked for is counted once.
    """
    again = {(ask.chat, ask.date) for ask, each in fates if each.what == "again"}
    cancelled = {(ask.chat, ask.date) for ask, each in fates if each.what == "cancelled"}
    found = [Measure(RETRIES, ("day",), len(again))]
    if state == "running":
        found.append(Measure(FETCHES, ("cancelled",), len(cancelled)))
    without_a_word = {
        (ask.chat, ask.date): each
        for ask, each in fates
        if ask.error_type is None and each.what != "cancelled"
    }
    for each in without_a_word.values():
        if each.error is not None:
            found.append(Measure(FETCHES, ("waits" if each.what == "wait" else "failed",)))
            found.append(Measure(ERRORS, (each.error.error_type.value,)))
    return found
