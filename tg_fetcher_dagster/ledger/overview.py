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


@dataclass(frozen=True, slots=True)
class Edges:
    """Between which days a chat's are.

    Attributes:
        first: the first day of which anything is known, be it that it failed.
        last_settled: the newest day that need not be asked for again.
    """

    first: dt.date
    last_settled: dt.date | None


@dataclass(frozen=True, slots=True)
class Sums:
    """A chat's days, added up.

    Attributes:
        settled: days that need not be asked for again.
        messages: of all days.
        fetched_at: when a day was last read; seconds since 1970.
    """

    settled: int
    messages: int
    fetched_at: float | None


NO_SUMS: Final = Sums(0, 0, None)


def day_edges(connection: sa.Connection) -> dict[str, Edges]:
    """Returns the edges of each chat's days: some looks into an index for each chat, however many days."""
    of = sa.select(sa.func.min(days.c.chat).label("chat")).cte("of", recursive=True)
    after = sa.select(sa.func.min(days.c.chat)).where(days.c.chat > of.c.chat).scalar_subquery()
    of = of.union_all(sa.select(after).where(of.c.chat.is_not(None)))
    first = sa.select(sa.func.min(days.c.date)).where(days.c.chat == of.c.chat).scalar_subquery()
    last = sa.select(sa.func.max(days.c.date)).where(days.c.chat == of.c.chat, days.c.settled)
    found = connection.execute(
        sa.select(of.c.chat, first, last.scalar_subquery()).where(of.c.chat.is_not(None))
    )
    return {chat: Edges(*edges) for chat, *edges in found}


def day_sums(connection: sa.Connection) -> dict[str, Sums]:
    """Returns the sums of each chat that was ever read; one pass over an index."""
    found = connection.execute(
        sa.select(
            days.c.chat,
            sa.func.sum(sa.cast(days.c.settled, sa.Integer)),
            sa.func.coalesce(sa.func.sum(days.c.message_count), 0),
            sa.func.max(days.c.fetched_at),
        ).group_by(days.c.chat)
    )
    return {chat: Sums(*sums) for chat, *sums in found}


def settled_between(connection: sa.Connection, chat: str, first: dt.date, last: dt.date) -> int:
    """Returns how many days of `first..last` need nothing."""
    within = sa.select(sa.func.count()).where(
        days.c.chat == chat, days.c.settled, days.c.date >= first, days.c.date <= last
    )
    return int(connection.execute(within).scalar_one())


def settled_days_of(connection: sa.Connection, keys: Collection[str]) -> dict[str, list[str]]:
    """Returns the days that need nothing, as `2025-11-07`, by the chat's key, in no order.

    One text a chat comes from the database: 300,000 rows of their own would take most of a second.
    """
    written = sa.func.aggregate_strings(sa.cast(days.c.date, sa.String), ",")
    found = connection.execute(
        sa.select(days.c.chat, written).where(days.c.settled, days.c.chat.in_(keys)).group_by(days.c.chat)
    )
    return {chat: text.split(",") for chat, text in found}


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
