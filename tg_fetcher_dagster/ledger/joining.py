"""Asks that wait for a run join one that reads the same days; inside the caller's transaction."""

import datetime as dt
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.tables import asks


def join_waiting(
    connection: Connection,
    batch_id: str,
    *,
    chats: Mapping[str, Sequence[dt.date]],
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
