"""What is proved of each chat's days. Every function works inside the caller's transaction.

Each query is answered by an index and bounded by a range of days or a limit: none costs more with history,
but for the sums over a chat's days, which are read from the index alone.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
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


def coverages(
    connection: sa.Connection, chat: str, first: dt.date, last: dt.date
) -> list[tuple[dt.date, str]]:
    """Returns the JSON of what is proved of each day between two days, both included, the oldest first."""
    found = connection.execute(
        sa.select(days.c.date, days.c.coverage)
        .where(days.c.chat == chat, days.c.date >= first, days.c.date <= last, days.c.coverage.is_not(None))
        .order_by(days.c.date)
    )
    return [(day, coverage) for day, coverage in found]


def put(connection: sa.Connection, chat: str, day: dt.date, values: Mapping[str, Any]) -> None:
    """Keeps what is proved of a day; columns that are not named stay."""
    row = {"chat": chat, "date": day, **values, "updated_at": now()}
    connection.execute(upsert(connection, days, row, by=("chat", "date")))


def last_with_messages(connection: sa.Connection, chat: str) -> tuple[dt.date, str] | None:
    """Returns the newest day of a chat that has messages, with what is proved of it."""
    found = connection.execute(
        sa.select(days.c.date, days.c.coverage)
        .where(days.c.chat == chat, days.c.message_count > 0)
        .order_by(days.c.date.desc())
        .limit(1)
    ).first()
    return (found[0], found[1]) if found is not None else None


def first_days(
    connection: sa.Connection, chats: Collection[str] | None = None, *, that_were_read: bool = False
) -> dict[str, dt.date]:
    """Returns the first day of each chat of which anything is known, be it that it failed.

    Args:
        connection: of the transaction.
        chats: their keys; None for all.
        that_were_read: leave out days that nobody got yet.
    """
    query = sa.select(days.c.chat, sa.func.min(days.c.date)).group_by(days.c.chat)
    if chats is not None:
        query = query.where(days.c.chat.in_(chats))
    if that_were_read:
        query = query.where(days.c.fetched_at.is_not(None))
    return dict(connection.execute(query).all())


@dataclass(frozen=True, slots=True)
class DayCounts:
    """A chat's days, counted.

    Attributes:
        read: days that were ever read.
        settled: those that need not be asked for again.
        first: the oldest day that was read.
        last_settled: the newest day that is settled.
        messages: of all days.
        fetched_at: when a day was last read; seconds since 1970.
    """

    read: int
    settled: int
    first: dt.date | None
    last_settled: dt.date | None
    messages: int
    fetched_at: float | None


NO_DAYS = DayCounts(0, 0, None, None, 0, None)


def counts(connection: sa.Connection, chat: str | None = None) -> dict[str, DayCounts]:
    """Returns the counts of one chat, or of all that were ever read, by the chat; one pass over an index."""
    settled = sa.case((days.c.settled, 1), else_=0)
    query = (
        sa.select(
            days.c.chat,
            sa.func.count(),
            sa.func.sum(settled),
            sa.func.min(days.c.date),
            sa.func.max(sa.case((days.c.settled, days.c.date))),
            sa.func.coalesce(sa.func.sum(days.c.message_count), 0),
            sa.func.max(days.c.fetched_at),
        )
        .where(days.c.fetched_at.is_not(None))
        .group_by(days.c.chat)
    )
    if chat is not None:
        query = query.where(days.c.chat == chat)
    return {row[0]: DayCounts(*row[1:]) for row in connection.execute(query)}


def given_up(
    connection: sa.Connection, chat: str | None = None, limit: int = 1000
) -> list[tuple[str, dt.date, str]]:
    """Returns days that were given up, with the last reason."""
    query = sa.select(days.c.chat, days.c.date, sa.func.coalesce(days.c.error, ""))
    query = query.where(days.c.given_up_at.is_not(None)).order_by(days.c.chat, days.c.date).limit(limit)
    if chat is not None:
        query = query.where(days.c.chat == chat)
    return [(of, day, why) for of, day, why in connection.execute(query)]


def checksum_of_unproved(connection: sa.Connection, chat: str, day: dt.date) -> str | None:
    """Returns the day file's checksum of a day that is done and not proved; None for any other day."""
    return connection.execute(
        sa.select(days.c.checksum_sha256).where(
            days.c.chat == chat, days.c.date == day, sa.not_(days.c.proved), days.c.coverage.is_(None)
        )
    ).scalar_one_or_none()
