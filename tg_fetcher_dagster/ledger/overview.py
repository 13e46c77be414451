"""What `status` counts, each in one query over an index, so that it costs the same with any history.

Every function works inside the caller's transaction; what could be long is bounded. Columns that are set for
few rows are compared with 0 rather than with NULL: SQLite then takes their small index.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.requests import OPEN
from tg_fetcher_dagster.ledger.tables import accounts, asks, days, dead_letters, requests

MOST_ROWS: Final = 1_000
"""Rows of a list that is for reading."""

MOST_COUNTED: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Open days of a chat that are not begun before a moment.

    Attributes:
        until: seconds since 1970.
        error_type: why; None where nobody said so.
    """

    chat: str
    error_type: str | None
    error: str | None
    days: int
    until: float


def settled_days_of(connection: sa.Connection, keys: Collection[str]) -> dict[str, list[dt.date]]:
    """Returns the days that need nothing, ascending, by the chat's key.

    One text a chat comes from the database: 300,000 rows of their own would take most of a second.
    """
    written = sa.func.aggregate_strings(sa.cast(days.c.date, sa.String), ",")
    found = connection.execute(
        sa.select(days.c.chat, written).where(days.c.settled, days.c.chat.in_(keys)).group_by(days.c.chat)
    )
    return {chat: sorted(map(dt.date.fromisoformat, text.split(","))) for chat, text in found}


def open_days_of_chats(connection: sa.Connection) -> dict[str, tuple[int, dt.date]]:
    """Returns how many days of each chat are asked for and have not ended, and the first of them."""
    found = connection.execute(
        sa.select(asks.c.chat, sa.func.count(sa.distinct(asks.c.date)), sa.func.min(asks.c.date))
        .where(asks.c.state == "open")
        .group_by(asks.c.chat)
    )
    return {chat: (count, first) for chat, count, first in found}


def given_up_days_of_chats(connection: sa.Connection) -> dict[str, int]:
    """Returns how many days of each chat were given up; counted up to 100,000."""
    # Grouped apart: else SQLite groups by the key of all days and looks at each of them.
    of = sa.select(days.c.chat).where(days.c.given_up_at > 0).limit(MOST_COUNTED).subquery()
    found = connection.execute(sa.select(of.c.chat, sa.func.count()).group_by(of.c.chat))
    return dict(found.all())


def doubted_days(connection: sa.Connection) -> list[tuple[str, dt.date]]:
    """Returns days whose last reading lacks too many messages to be believed, by chat and day."""
    found = connection.execute(
        sa.select(days.c.chat, days.c.date)
        .where(days.c.due_at > 0, days.c.error_type == "suspicious_deletion")
        .order_by(days.c.due_at)
        .limit(MOST_ROWS)
    )
    return sorted((chat, day) for chat, day in found)


def waits(connection: sa.Connection, moment: float) -> list[Wait]:
    """Returns what waits beyond a moment, the wait that ends first at the head."""
    until = sa.func.min(asks.c.wait_until).label("until")
    found = connection.execute(
        sa.select(
            asks.c.chat,
            asks.c.error_type,
            sa.func.max(asks.c.error).label("error"),
            sa.func.count().label("days"),
            until,
        )
        .where(asks.c.state == "open", asks.c.batch_id.is_(None), asks.c.wait_until > moment)
        .group_by(asks.c.chat, asks.c.error_type)
        .order_by(until)
        .limit(MOST_ROWS)
    )
    return [Wait(**row) for row in found.mappings()]


def open_requests(connection: sa.Connection) -> dict[str, int]:
    """Returns how many requests of each source have not ended."""
    found = connection.execute(
        sa.select(requests.c.source, sa.func.count())
        .where(requests.c.state.in_(OPEN))
        .group_by(requests.c.source)
        .order_by(requests.c.source)
    )
    return dict(found.all())


def dead_letter_count(connection: sa.Connection) -> int:
    """Returns how many commands were given up."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(dead_letters)).scalar_one())


def floods(connection: sa.Connection) -> dict[str, str]:
    """Returns until when methods of each account rest: JSON, from the method to seconds since 1970."""
    return dict(connection.execute(sa.select(accounts.c.name, accounts.c.floods)).all())


def size_bytes(connection: sa.Connection) -> int:
    """Returns how large the database is."""
    if connection.dialect.name == "postgresql":
        named = sa.select(sa.func.pg_database_size(sa.func.current_database()))
        return int(connection.execute(named).scalar_one())
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
