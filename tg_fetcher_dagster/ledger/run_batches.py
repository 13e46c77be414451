"""Which run owns which batch, and runs that asked for themselves; inside the caller's transaction."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.tables import asks, batches, requests

_ROWS_AT_ONCE = 1000
"""Rows of one insert; SQLite allows 32,766 values in a statement."""


@dataclass(frozen=True, slots=True)
class BatchState:
    """Where a batch stands: `asked`, `running` or `ended`, and by which run."""

    state: str
    run_id: str | None


def state_of(connection: sa.Connection, batch_id: str) -> BatchState | None:
    """Returns where a batch stands; None where there is none of that name."""
    row = connection.execute(
        sa.select(batches.c.state, batches.c.run_id).where(batches.c.batch_id == batch_id)
    ).first()
    return None if row is None else BatchState(*row)


def own(connection: sa.Connection, batch_id: str, run_id: str) -> bool:
    """Gives a batch that nobody runs to a run; False where another run was there first, or it has ended."""
    return bool(
        connection.execute(
            sa.update(batches)
            .where(
                batches.c.batch_id == batch_id,
                sa.or_(batches.c.state == "asked", sa.and_(batches.c.state == "running", _is_of(run_id))),
            )
            .values(state="running", run_id=run_id, began_at=sa.func.coalesce(batches.c.began_at, now()))
        ).rowcount
    )


def put_run_request(
    connection: sa.Connection,
    batch_id: str,
    run_id: str,
    *,
    chats: Mapping[str, tuple[dt.date, ...]],
    today: bool,
    force: bool,
    limit: int | None,
    priority: int,
) -> None:
    """Makes a run that nobody asked for here a request with a batch of its own, which is running."""
    moment = now()
    of_days = {"force": force, "message_limit": limit, "priority": priority, "strategy": "batch"}
    seq = connection.execute(
        sa.insert(requests).values(
            request_id=batch_id,
            source="ui",
            state="planned",
            correlation_id=run_id,
            chat=next(iter(chats)) if len(chats) == 1 else None,
            requested_by="dagster",
            requested_at=moment,
            received_at=moment,
            run_id=run_id,
            open_days=sum(map(len, chats.values())),
            **of_days,
        )
    ).inserted_primary_key
    rows = [
        {"request_id": batch_id, "chat": chat, "date": day, "batch_id": batch_id, **of_days}
        for chat, days in chats.items()
        for day in days
    ]
    place = seq[0] if seq else 0
    for begin in range(0, len(rows), _ROWS_AT_ONCE):
        connection.execute(
            sa.insert(asks), [{**row, "seq": place} for row in rows[begin : begin + _ROWS_AT_ONCE]]
        )
    connection.execute(
        sa.insert(batches).values(
            batch_id=batch_id,
            chats=orjson.dumps(list(chats)).decode(),
            first=min(min(days) for days in chats.values()),
            last=max(max(days) for days in chats.values()),
            today=today,
            state="running",
            run_id=run_id,
            asked_at=moment,
            began_at=moment,
            **of_days,
        )
    )


def join_waiting(
    connection: sa.Connection,
    batch_id: str,
    *,
    chats: Mapping[str, tuple[dt.date, ...]],
    force: bool,
    limit: int | None,
) -> int:
    """Lets asks that wait for a run of the same kind join a batch; returns how many did."""
    return sum(
        connection.execute(
            sa.update(asks)
            .where(
                asks.c.state == "open",
                asks.c.batch_id.is_(None),
                asks.c.chat == chat,
                asks.c.date.in_(days),
                asks.c.force == force,
                asks.c.message_limit.is_(None) if limit is None else asks.c.message_limit == limit,
            )
            .values(batch_id=batch_id)
        ).rowcount
        for chat, days in chats.items()
    )


def _is_of(run_id: str) -> sa.ColumnElement[bool]:
    return batches.c.run_id == run_id
