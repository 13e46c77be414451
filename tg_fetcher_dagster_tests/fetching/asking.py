"""Somebody asks for a day in the ledger, as the planning of requests leaves it."""

from datetime import date

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Ledger, now
from tg_fetcher_dagster.ledger.tables import asks, requests


def ask(ledger: Ledger, chat: str, *days: date, batch_id: str, command_id: str) -> None:
    """Leaves one request of a command, all of whose days a batch is to fetch."""
    request = {
        "request_id": f"r-{command_id}",
        "source": "redis",
        "state": "planned",
        "command_id": command_id,
        "correlation_id": f"c-{command_id}",
        "received_at": now(),
        "open_days": len(days),
    }
    with ledger.write() as connection:
        seq = connection.execute(sa.insert(requests).values(**request).returning(requests.c.seq)).scalar_one()
        for day in days:
            of_the_day = {"chat": chat, "date": day, "priority": 0, "batch_id": batch_id, "seq": seq}
            connection.execute(sa.insert(asks).values(request_id=request["request_id"], **of_the_day))
