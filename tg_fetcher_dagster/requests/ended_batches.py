"""Batches whose runs have ended, many of them: settled together, in transactions of bounded size.

Where one of them breaks such a transaction, each gets one of its own, and the one that breaks its own is put
off: a tick survives any single batch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import structlog

from tg_fetcher_dagster.ledger import batches, open_asks
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.requests.batch_end import Ending, Settled, settle_together
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.isolation import is_away
from tg_fetcher_dagster.requests.rules import Rules

log = structlog.get_logger(__name__)

MOST_BATCHES: Final = 100
MOST_DAYS: Final = 10_000
"""Of one transaction, for which others wait about a second; a batch with more open days has its own."""

PUT_OFF: Final = 3_600.0
"""Seconds until the days of a batch that nobody can settle are asked for again."""


def settle_all(
    ledger: Ledger,
    endings: Sequence[Ending],
    *,
    rules: Rules,
    events: EventMaker,
    now: float,
    may_go_on: Callable[[], bool],
) -> dict[str, Settled]:
    """Settles batches, many in a transaction, until none is left or the time is over.

    Args:
        ledger: where.
        endings: the batches.
        rules: how often a day is tried.
        events: makes what is told of days that are given up.
        now: seconds since 1970.
        may_go_on: asked before each transaction but the first.

    Returns:
        What became of each; those that are not there are left to the next tick.

    Raises:
        FetchError: (storage) the ledger is away.
    """
    settled: dict[str, Settled] = {}
    for number, together in enumerate(_handfuls(endings)):
        if number and not may_go_on():
            break
        try:
            settled |= {each.batch_id: Settled() for each in together}
            settled |= settle_together(ledger, together, rules=rules, events=events, now=now)
        except Exception as error:
            if is_away(ledger):
                raise
            log.exception("batches cannot be settled together", reason=str(error))
            for each in together:
                settled |= _settle_alone(ledger, each, rules=rules, events=events, now=now)
    return settled


def _handfuls(endings: Sequence[Ending]) -> Iterator[list[Ending]]:
    """Gives batches that are settled together, in order."""
    handful: list[Ending] = []
    days = 0
    for each in endings:
        if handful and (len(handful) == MOST_BATCHES or days + each.open_days > MOST_DAYS):
            yield handful
            handful, days = [], 0
        handful.append(each)
        days += each.open_days
    if handful:
        yield handful


def _settle_alone(
    ledger: Ledger, ending: Ending, *, rules: Rules, events: EventMaker, now: float
) -> Mapping[str, Settled]:
    """Settles one batch; one that cannot be settled gives its days back, which are put off."""
    try:
        return settle_together(ledger, [ending], rules=rules, events=events, now=now)
    except Exception as error:
        if is_away(ledger):
            raise
        log.exception(
            "a batch cannot be settled: its days are put off", batch_id=ending.batch_id, reason=str(error)
        )
    until = now + PUT_OFF
    with ledger.write() as connection:
        batches.end(connection, [ending.batch_id], now)
        waiting = open_asks.let_go(connection, [ending.batch_id], until=until)
    return {ending.batch_id: Settled(waiting=waiting, until=until)}
