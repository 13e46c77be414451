"""Days of late that are not done, and what is known of them. Each works inside the caller's transaction.

Every query is bounded by a window of days and answered by an index: none costs more with history.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.planning import ChatDay
from tg_fetcher_dagster.ledger.tables import asks, days, requests


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDay:
    """A day of which something is known.

    Attributes:
        error: why it is not done, or must be read again; None where nothing failed.
        given_up: too many daily rounds have failed.
    """

    settled: bool
    error_type: str | None
    error: str | None
    given_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedDay:
    """A day that is asked for and has not ended.

    Attributes:
        since: when it was first asked for; seconds since 1970.
        until: it is not begun before.
        error: why the last run did not get it.
        in_a_run: a run was asked for, or reads it.
    """

    since: float
    until: float
    error_type: str | None
    error: str | None
    in_a_run: bool


def known_days(
    connection: sa.Connection, chats: Collection[str], first: dt.date, last: dt.date
) -> dict[ChatDay, KnownDay]:
    """Returns what is known of the days of chats between two days, both included."""
    found = connection.execute(
        sa.select(
            days.c.chat, days.c.date, days.c.settled, days.c.error_type, days.c.error, days.c.given_up_at
        ).where(days.c.chat.in_(chats), days.c.date.between(first, last))
    )
    return {
        (chat, day): KnownDay(
            settled=settled, error_type=error_type, error=error, given_up=given_up_at is not None
        )
        for chat, day, settled, error_type, error, given_up_at in found
    }


def asked_days(
    connection: sa.Connection, chats: Collection[str], first: dt.date, last: dt.date
) -> dict[ChatDay, AskedDay]:
    """Returns which days of chats between two days are asked for and have not ended."""
    found = connection.execute(
        sa.select(
            asks.c.chat,
            asks.c.date,
            sa.func.min(requests.c.received_at).label("since"),
            sa.func.min(asks.c.wait_until).label("until"),
            sa.func.max(asks.c.error_type).label("error_type"),
            sa.func.max(asks.c.error).label("error"),
            sa.func.count(asks.c.batch_id).label("in_runs"),
        )
        .join(requests, requests.c.request_id == asks.c.request_id)
        .where(asks.c.state == "open", asks.c.chat.in_(chats), asks.c.date.between(first, last))
        .group_by(asks.c.chat, asks.c.date)
    )
    return {
        (row.chat, row.date): AskedDay(
            since=row.since,
            until=row.until,
            error_type=row.error_type,
            error=row.error,
            in_a_run=bool(row.in_runs),
        )
        for row in found
    }
