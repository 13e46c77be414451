"""What is proved of each chat's days. Every function works inside the caller's transaction."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.tables import days
from tg_fetcher_dagster.ledger.upsert import upsert


def coverage_of(connection: sa.Connection, chat: str, day: dt.date) -> str | None:
    """Returns the JSON of what is proved of a day (`storage.coverage.Coverage`); None where nothing is."""
    return connection.execute(
        sa.select(days.c.coverage).where(days.c.chat == chat, days.c.date == day)
    ).scalar_one_or_none()


def put(connection: sa.Connection, chat: str, day: dt.date, values: Mapping[str, Any]) -> None:
    """Keeps what is proved of a day; columns that are not named stay."""
    row = {"chat": chat, "date": day, **values, "updated_at": now()}
    connection.execute(upsert(connection, days, row, by=("chat", "date")))


def settled_days(connection: sa.Connection, chat: str, first: dt.date, last: dt.date) -> set[dt.date]:
    """Returns the days of a chat between two days, both included, that need not be asked for again."""
    found = connection.execute(
        sa.select(days.c.date).where(
            days.c.chat == chat, days.c.settled, days.c.date >= first, days.c.date <= last
        )
    )
    return set(found.scalars())
