"""Batches: neighbouring days that one run fetches. Every function works inside the caller's transaction."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson
import sqlalchemy as sa

from tg_fetcher_dagster.days import ONE_DAY
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.loose_values import read_date, read_number
from tg_fetcher_dagster.ledger.tables import asks, batches

BatchState = Literal["asked", "running", "ended"]
Strategy = Literal["batch", "per_day"]


_COLUMNS = [
    sa.type_coerce(column, sa.String).label(column.name) if column.name in {"first", "last"} else column
    for column in batches.c
]
"""A word in the place of a day makes one batch unreadable, not all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Neighbouring days of one chat, or one day of several chats, that one run fetches.

    Attributes:
        batch_id: also the key of its run, and what its days' events are told for.
        chats: chat keys; several only where `first` is `last`, and then neighbours in Dagster's order. None
            where the row is damaged: no run can be asked for, and its days get another batch.
        first: the oldest day.
        last: the newest day.
        today: the day is the unfinished one (asset `messages_today`).
        force: fetch complete days again.
        limit: at most so many messages a day.
        priority: of the ask that it was cut for; the smaller, the more urgent.
        state: `asked` until its run has registered.
        run_id: Dagster's id of the run that registered for it.
        asked_at: seconds since 1970.
    """

    batch_id: str
    chats: tuple[str, ...]
    first: dt.date
    last: dt.date
    today: bool = False
    force: bool = False
    limit: int | None = None
    strategy: Strategy = "batch"
    priority: int = 50
    state: BatchState = "asked"
    run_id: str | None = None
    asked_at: float = 0.0

    @property
    def days(self) -> tuple[dt.date, ...]:
        """The days to fetch, ascending."""
        return tuple(self.first + ONE_DAY * number for number in range((self.last - self.first).days + 1))


def put(connection: Connection, batch: Batch) -> None:
    """Notes a new batch."""
    put_all(connection, [batch])


def put_all(connection: Connection, made: Sequence[Batch]) -> None:
    """Notes new batches."""
    rows = [
        {
            "batch_id": batch.batch_id,
            "chats": orjson.dumps(batch.chats).decode(),
            "first": batch.first,
            "last": batch.last,
            "today": batch.today,
            "force": batch.force,
            "message_limit": batch.limit,
            "strategy": batch.strategy,
            "priority": batch.priority,
            "state": batch.state,
            "run_id": batch.run_id,
            "asked_at": batch.asked_at,
            "began_at": batch.asked_at if batch.state == "running" else None,
        }
        for batch in made
    ]
    if rows:
        connection.execute(sa.insert(batches), rows)


def find(connection: Connection, batch_id: str) -> Batch | None:
    """Returns a batch; None where there is none of this id."""
    row = connection.execute(sa.select(*_COLUMNS).where(batches.c.batch_id == batch_id)).mappings().first()
    return _batch(row) if row else None


def in_flight(connection: Connection) -> list[Batch]:
    """Returns the batches that have not ended, the most urgent first."""
    found = connection.execute(
        sa.select(*_COLUMNS)
        .where(batches.c.state != "ended")
        .order_by(batches.c.priority, batches.c.asked_at, batches.c.batch_id)
    )
    return [_batch(row) for row in found.mappings()]


def begin(connection: Connection, batch_id: str, run_id: str, at: float) -> bool:
    """Gives a batch to the run that registers for it first; False where it is another's or has ended."""
    return bool(
        connection.execute(
            sa.update(batches)
            .where(
                batches.c.batch_id == batch_id,
                batches.c.state != "ended",
                sa.or_(batches.c.run_id.is_(None), batches.c.run_id == run_id),
            )
            .values(state="running", run_id=run_id, began_at=sa.func.coalesce(batches.c.began_at, at))
        ).rowcount
    )


def end(
    connection: Connection, batch_ids: Collection[str], at: float
) -> dict[str, tuple[BatchState, str | None]]:
    """Notes that batches have ended; returns the state and the run until now of those that had not.

    Nobody else ends them, begins them or joins them before the caller's transaction is over.
    """
    found = connection.execute(
        sa.select(batches.c.batch_id, batches.c.state, batches.c.run_id)
        .where(batches.c.batch_id.in_(batch_ids), batches.c.state != "ended")
        .order_by(batches.c.batch_id)  # two that end the same ones wait for each other in one order
        .with_for_update()
    )
    before: dict[str, tuple[BatchState, str | None]] = {
        batch_id: (state, run_id) for batch_id, state, run_id in found
    }
    if before:
        connection.execute(
            sa.update(batches).where(batches.c.batch_id.in_(before)).values(state="ended", ended_at=at)
        )
    return before


def open_days(connection: Connection) -> dict[str, tuple[int, int]]:
    """Returns of the batches in flight how many of their asks are open, and how many were cancelled."""
    in_flight_now = sa.select(batches.c.batch_id).where(batches.c.state != "ended")
    found = connection.execute(
        sa.select(
            asks.c.batch_id,
            sa.func.sum(sa.case((asks.c.state == "open", 1), else_=0)),
            sa.func.sum(sa.case((asks.c.state == "cancelled", 1), else_=0)),
        )
        .where(asks.c.batch_id.in_(in_flight_now))
        .group_by(asks.c.batch_id)
    )
    return {batch_id: (int(still), int(cancelled)) for batch_id, still, cancelled in found}


def asked_lately(connection: Connection, since: float) -> dict[str, float]:
    """Returns when a run was last asked for, of every chat of which one was after a moment."""
    found = connection.execute(
        sa.select(batches.c.chats, sa.func.max(batches.c.asked_at))
        .where(batches.c.asked_at > since)
        .group_by(batches.c.chats)
    )
    last: dict[str, float] = {}
    for chats, at in found:
        for chat in _read_chats(chats):
            last[chat] = max(read_number(at, otherwise=0.0), last.get(chat, 0.0))
    return last


def forget(connection: Connection, before: float) -> int:
    """Removes batches that ended before a moment; returns how many."""
    return connection.execute(sa.delete(batches).where(batches.c.ended_at < before)).rowcount


def chats_of(found: Iterable[Batch]) -> frozenset[str]:
    """Returns the chats that these batches read."""
    return frozenset(chat for batch in found for chat in batch.chats)


def _batch(row: sa.RowMapping) -> Batch:
    first, last = read_date(row["first"]), read_date(row["last"])
    known = first is not None and last is not None
    return Batch(
        batch_id=row["batch_id"],
        chats=_read_chats(row["chats"]) if known else (),
        first=first or dt.date.min,
        last=last or dt.date.min,
        today=row["today"],
        force=row["force"],
        limit=row["message_limit"],
        strategy=row["strategy"],
        priority=read_number(row["priority"], otherwise=50),
        state=row["state"],
        run_id=row["run_id"],
        asked_at=read_number(row["asked_at"], otherwise=0.0),
    )


def _read_chats(kept: str) -> tuple[str, ...]:
    try:
        found = orjson.loads(kept)
    except orjson.JSONDecodeError:
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()
