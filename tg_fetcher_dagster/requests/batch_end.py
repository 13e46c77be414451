"""The end of a batch: what becomes of the days that its run has left (docs/ledger.md)."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.rules import Rules

How = Literal["ended", "died", "cancelled", "never_began"]
"""How a run ended: by itself, well or not; killed; by an operator's word; or it was never there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a batch's open asks, counted; all 0 where the batch had ended already."""

    waiting: int = 0
    again: int = 0
    failed: int = 0
    cancelled: int = 0


def settle_batch(
    ledger: Ledger,
    batch_id: str,
    *,
    rules: Rules,
    how: How,
    events: EventMaker,
    now: float | None = None,
    error: FetchError | None = None,
) -> Settled:
    """Brings every ask of a batch that is still open on its way, and ends the batch; in one transaction.

    Idempotent: the second call finds the batch ended.

    Args:
        ledger: where.
        batch_id: whose.
        rules: how often a day is tried.
        how: how its run ended; a run that died before it registered never began.
        events: makes what is told of days that are given up.
        now: seconds since 1970; the present where absent.
        error: why the whole run failed, for days of which it noted nothing.
    """
    raise NotImplementedError


def note_failure(connection: Connection, batch_id: str, chat: str, day: dt.date, error: FetchError) -> None:
    """Notes why a run did not get a day; its asks stay open until the batch ends."""
    raise NotImplementedError
