"""The events that are to be told: recorded with what they tell of, published in that order.

Only day ends stand here; progress is told in passing. Every function works inside the caller's transaction.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.ledger.tables import events
from tg_fetcher_dagster.ledger.upsert import insert_into
from tg_fetcher_dagster.metrics.counted import EVENTS_PUBLISHED, HOP_SECONDS

LONGEST_CHAT = 200
"""Characters of a chat's name that the table keeps; the body has all of a spelling that is no key."""

_IS_PENDING = sa.and_(events.c.published_at.is_(None), events.c.set_aside_at.is_(None))


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


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it stands in the table.

    Attributes:
        seq: its place in the order of telling.
        body: its JSON.
        recorded_at: seconds since 1970.
        published_at: None until somebody could hear it.
        set_aside_at: when its body was found to be damaged.
    """

    seq: int
    event_id: str
    request_id: str
    event: str
    chat: str | None
    date: dt.date | None
    body: str
    recorded_at: float
    published_at: float | None
    set_aside_at: float | None


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
    """Records an event.

    Returns:
        False where the request has told already how that chat and day ended, in this event or another.
    """
    row = {
        "event_id": event_id,
        "request_id": request_id,
        "event": event,
        "chat": _column(chat),
        "date": date,
        "body": body,
        "recorded_at": now(),
    }
    # An insert's row count is unknown over Postgres' driver; what it returns is not.
    statement = insert_into(connection, events).values(**row).on_conflict_do_nothing().returning(events.c.seq)
    return connection.execute(statement).first() is not None


def pending(connection: sa.Connection, limit: int = 500) -> list[Pending]:
    """Returns the first events that nobody was told yet, in order."""
    found = connection.execute(
        sa.select(events.c.seq, events.c.event_id, events.c.body)
        .where(_IS_PENDING)
        .order_by(events.c.seq)
        .limit(limit)
    )
    return [Pending(*row) for row in found]


def pending_count(connection: sa.Connection, at_most: int = 100_000) -> int:
    """Returns how many events nobody was told yet; it counts no further than `at_most`."""
    first = sa.select(events.c.seq).where(_IS_PENDING).limit(at_most).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(first)).scalar_one())


def set_aside_count(connection: sa.Connection) -> int:
    """Returns how many events are damaged and told to nobody."""
    damaged = sa.select(sa.func.count()).select_from(events).where(events.c.set_aside_at.is_not(None))
    return int(connection.execute(damaged).scalar_one())


def mark_published(connection: sa.Connection, seqs: Sequence[int]) -> None:
    """Notes and counts that events were told; of one that another process has told, too, the moment stays."""
    at = now()
    told = connection.execute(
        sa.update(events)
        .where(events.c.seq.in_(seqs), events.c.published_at.is_(None))
        .values(published_at=at)
        .returning(events.c.event, events.c.recorded_at)
    ).all()
    events_told = [Measure(EVENTS_PUBLISHED, (event,)) for event, _ in told]
    hops = [Measure(HOP_SECONDS, ("publish",), at - recorded_at) for _, recorded_at in told]
    measure(connection, [*events_told, *hops])


def mark_all_published(connection: sa.Connection, limit: int) -> int:
    """Notes that the first pending events count as told, where there is nobody to tell; returns how many."""
    first = sa.select(events.c.seq).where(_IS_PENDING).order_by(events.c.seq).limit(limit)
    marked = sa.update(events).where(events.c.seq.in_(first.scalar_subquery())).values(published_at=now())
    return connection.execute(marked).rowcount


def publish_again(connection: sa.Connection, since: float) -> int:
    """Makes events pending again that were published since a moment; returns how many."""
    again = sa.update(events).where(events.c.published_at >= since).values(published_at=None)
    return connection.execute(again).rowcount


def set_aside(connection: sa.Connection, seqs: Sequence[int]) -> None:
    """Takes damaged events out of the queue; they stay in the table, for who looks into it."""
    connection.execute(sa.update(events).where(events.c.seq.in_(seqs)).values(set_aside_at=now()))


def prune(connection: sa.Connection, before: float, limit: int = 1000) -> int:
    """Forgets the first events that were published before a moment; returns how many, at most `limit`."""
    old = (
        sa.select(events.c.seq)
        .where(events.c.published_at < before)
        .order_by(events.c.published_at)
        .limit(limit)
    )
    return connection.execute(sa.delete(events).where(events.c.seq.in_(old.scalar_subquery()))).rowcount


def recorded_after(connection: sa.Connection, seq: int, limit: int = 500) -> list[Recorded]:
    """Returns the events that follow one, in order."""
    found = connection.execute(
        sa.select(events).where(events.c.seq > seq).order_by(events.c.seq).limit(limit)
    )
    return [Recorded(**row) for row in found.mappings()]


def seq_before(connection: sa.Connection, moment: float) -> int:
    """Returns the place of the last event that was recorded before a moment; 0 where none was.

    It looks back from the newest event, so it costs as much as there is to be shown.
    """
    found = connection.execute(
        sa.select(events.c.seq).where(events.c.recorded_at < moment).order_by(events.c.seq.desc()).limit(1)
    ).scalar()
    return found or 0


def seq_of_last(connection: sa.Connection, number: int) -> int:
    """Returns the place before the last `number` events; 0 where there are no more than those."""
    found = connection.execute(
        sa.select(events.c.seq).order_by(events.c.seq.desc()).offset(number).limit(1)
    ).scalar()
    return found or 0


def _column(chat: str | None) -> str | None:
    # Postgres takes neither NUL nor half a surrogate pair, nor more than the column's length.
    if chat is None:
        return None
    return chat.encode(errors="replace").decode().replace("\0", "\ufffd")[:LONGEST_CHAT]


def put_all(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Records many events, each as `put` takes it; what a request has told already stays as it was."""
    moment = now()
    told = [{**row, "chat": _column(row["chat"]), "recorded_at": moment} for row in rows]
    if told:
        connection.execute(insert_into(connection, events).on_conflict_do_nothing(), told)
