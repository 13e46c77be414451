"""Runs that nobody here asked for become requests of their own; inside the caller's transaction."""

import datetime as dt
from collections.abc import Mapping

import sqlalchemy as sa

from tg_fetcher_dagster.ledger import batches
from tg_fetcher_dagster.ledger.database import Connection, now
from tg_fetcher_dagster.ledger.tables import asks, requests

_ROWS_AT_ONCE = 1000
"""Rows of one insert; SQLite allows 32,766 values in a statement."""


def put_run_request(
    connection: Connection,
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
    batches.put(
        connection,
        batches.Batch(
            batch_id=batch_id,
            chats=tuple(chats),
            first=min(min(days) for days in chats.values()),
            last=max(max(days) for days in chats.values()),
            today=today,
            force=force,
            limit=limit,
            priority=priority,
            state="running",
            run_id=run_id,
            asked_at=moment,
        ),
    )


def join_waiting(
    connection: Connection,
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
