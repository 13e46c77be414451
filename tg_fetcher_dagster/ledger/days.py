"""What is proved of each chat's days. Every function works inside the caller's transaction.

Each query is answered by an index and bounded by a range of days or a limit: none costs more with history,
but for the sums over a chat's days, which are read from the index alone.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.tables import days
from tg_fetcher_dagster.ledger.upsert import upsert

UNKNOWN_REQUESTS = 2.0
"""Requests a day of a chat that was never read: one page and its share of comments."""

RECENT = 30
"""Days that the mean of a chat's requests looks back."""


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


def settled_days(connection: sa.Connection, chat: str, first: dt.date, last: dt.date) -> set[dt.date]:
    """Returns the days of a chat between two days, both included, that need not be asked for again."""
    found = connection.execute(
        sa.select(days.c.date).where(
            days.c.chat == chat, days.c.settled, days.c.date >= first, days.c.date <= last
        )
    )
    return set(found.scalars())


def first_day(connection: sa.Connection, chat: str) -> dt.date | None:
    """Returns the oldest day of a chat that was ever read; None where none was."""
    return connection.execute(
        sa.select(days.c.date)
        .where(days.c.chat == chat, days.c.fetched_at.is_not(None))
        .order_by(days.c.date)
        .limit(1)
    ).scalar_one_or_none()


def last_with_messages(connection: sa.Connection, chat: str) -> tuple[dt.date, str] | None:
    """Returns the newest day of a chat that has messages, with what is proved of it."""
    found = connection.execute(
        sa.select(days.c.date, days.c.coverage)
        .where(days.c.chat == chat, days.c.message_count > 0)
        .order_by(days.c.date.desc())
        .limit(1)
    ).first()
    return (found[0], found[1]) if found is not None else None


def requests_a_day(connection: sa.Connection, chat: str) -> float:
    """Returns the mean number of requests that the chat's newest days took, at least 0.1."""
    recent = (
        connection.execute(
            sa.select(days.c.requests)
            .where(days.c.chat == chat, days.c.requests.is_not(None))
            .order_by(days.c.date.desc())
            .limit(RECENT)
        )
        .scalars()
        .all()
    )
    return max(0.1, sum(recent) / len(recent)) if recent else UNKNOWN_REQUESTS


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


def due(connection: sa.Connection, before: float, limit: int = 500) -> list[tuple[str, dt.date]]:
    """Returns days that must be looked at again although nobody asks, the longest due first."""
    found = connection.execute(
        sa.select(days.c.chat, days.c.date)
        .where(days.c.due_at.is_not(None), days.c.due_at <= before)
        .order_by(days.c.due_at)
        .limit(limit)
    )
    return [(chat, day) for chat, day in found]


def note_failure(
    connection: sa.Connection, chat: str, day: dt.date, *, error_type: str, error: str, rounds: int = 0
) -> int:
    """Notes why a day failed; returns in how many rounds it has failed by now.

    Args:
        connection: in a transaction.
        chat: the chat's key.
        day: which day.
        error_type: its sort.
        error: one line.
        rounds: 1 where a round has ended by it; 0 where another try follows.
    """
    put(connection, chat, day, {"error_type": error_type, "error": error})
    connection.execute(
        sa.update(days)
        .where(days.c.chat == chat, days.c.date == day)
        .values(failed_rounds=days.c.failed_rounds + rounds)
    )
    failed_in: int = connection.execute(
        sa.select(days.c.failed_rounds).where(days.c.chat == chat, days.c.date == day)
    ).scalar_one()
    return failed_in


def give_up(connection: sa.Connection, chat: str, day: dt.date) -> None:
    """Says that nobody asks for a day by himself any more, until it is opened again or read."""
    put(connection, chat, day, {"given_up_at": now(), "due_at": None})


def open_again(connection: sa.Connection, chat: str, day: dt.date) -> None:
    """Takes back that a day was given up."""
    put(connection, chat, day, {"given_up_at": None, "failed_rounds": 0})


def given_up(
    connection: sa.Connection, chat: str | None = None, limit: int = 1000
) -> list[tuple[str, dt.date, str]]:
    """Returns days that were given up, with the last reason."""
    query = sa.select(days.c.chat, days.c.date, sa.func.coalesce(days.c.error, ""))
    query = query.where(days.c.given_up_at.is_not(None)).order_by(days.c.chat, days.c.date).limit(limit)
    if chat is not None:
        query = query.where(days.c.chat == chat)
    return [(of, day, why) for of, day, why in connection.execute(query)]
