"""The events that are to be told: recorded with what they tell of, published in that order.

Only day ends stand here; progress is told in passing. Every function works inside the caller's transaction.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.tables import events


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that nobody was told yet.

    Attributes:
        seq: its place in the order of telling.
        body: its JSON.
    """

    seq: int
    event_id: str
    body: str


def put(
    connection: sa.Connection,
    *,
    event_id: str,
    request_id: str,
    event: str,
    chat: str | None,
    date: dt.date | None,
    body: str,
) -> bool:
    """Records an event; False where it is recorded already: the same event has the same id."""
    known = connection.execute(sa.select(events.c.seq).where(events.c.event_id == event_id)).first()
    if known is not None:
        return False
    connection.execute(
        sa.insert(events).values(
            event_id=event_id,
            request_id=request_id,
            event=event,
            chat=chat,
            date=date,
            body=body,
            recorded_at=now(),
        )
    )
    return True


def pending(connection: sa.Connection, limit: int = 500) -> list[Pending]:
    """Returns the first events that nobody was told yet, in order."""
    found = connection.execute(
        sa.select(events.c.seq, events.c.event_id, events.c.body)
        .where(events.c.published_at.is_(None))
        .order_by(events.c.seq)
        .limit(limit)
    )
    return [Pending(*row) for row in found]


def mark_published(connection: sa.Connection, seqs: Sequence[int]) -> None:
    """Notes that events were told."""
    connection.execute(sa.update(events).where(events.c.seq.in_(seqs)).values(published_at=now()))
