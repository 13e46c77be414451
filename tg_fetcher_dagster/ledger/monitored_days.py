"""What `tg-fetcher monitor` asks of all chats' days: one pass over an index, however long the history.

Every function works inside the caller's transaction.
"""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.tables import asks, days, requests


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDays:
    """A chat's days, counted.

    Attributes:
        first: the oldest day of which anything is known, be it that it failed.
        newest_final: the newest day that is final and needs nothing.
        settled: days of the span that need nothing.
        settled_of_late: those among them that are in the window.
        fetched_at: when a day was last read; seconds since 1970, None where none was.
        messages: of all days.
    """

    first: dt.date
    newest_final: dt.date | None
    settled: int
    settled_of_late: int
    fetched_at: float | None
    messages: int


def chat_days(
    connection: sa.Connection, *, span: tuple[dt.date, dt.date], window: tuple[dt.date, dt.date]
) -> dict[str, ChatDays]:
    """Returns the counts of every chat of which a day is known.

    Args:
        connection: of the transaction.
        span: the first and the last day that can be fetched.
        window: the first and the last day that should be done by now.
    """

    def settled_in(first: dt.date, last: dt.date) -> sa.ColumnElement[int]:
        inside = sa.and_(days.c.settled, days.c.date >= first, days.c.date <= last)
        return sa.func.coalesce(sa.func.sum(sa.case((inside, 1), else_=0)), 0)

    found = connection.execute(
        sa.select(
            days.c.chat,
            sa.func.min(days.c.date).label("first"),
            sa.func.max(sa.case((days.c.settled, days.c.date))).label("newest_final"),
            settled_in(*span).label("settled"),
            settled_in(*window).label("settled_of_late"),
            sa.func.max(days.c.fetched_at).label("fetched_at"),
            sa.func.coalesce(sa.func.sum(days.c.message_count), 0).label("messages"),
        ).group_by(days.c.chat)
    )
    return {row.pop("chat"): ChatDays(**row) for row in map(dict, found.mappings())}


def days_with_losses(connection: sa.Connection) -> dict[str, int]:
    """Returns how many days of each chat are known to lack something."""
    found = connection.execute(
        sa.select(days.c.chat, sa.func.count()).where(days.c.losses > 0).group_by(days.c.chat)
    )
    return dict(found.all())


def first_asked_days(connection: sa.Connection) -> dict[str, dt.date]:
    """Returns the oldest day of each chat that is asked for and has not ended."""
    found = connection.execute(
        sa.select(asks.c.chat, sa.func.min(asks.c.date)).where(asks.c.state == "open").group_by(asks.c.chat)
    )
    return dict(found.all())


def excused_days(
    connection: sa.Connection, *, window: tuple[dt.date, dt.date], asked_after: float
) -> dict[str, int]:
    """Returns how many days of each chat in a window are not done and are nobody's delay.

    Either they were given up, or they were not asked for before a moment and are asked for now.
    """
    of_late = asks.c.date.between(*window)
    in_window = days.c.date.between(*window)
    given_up = sa.select(days.c.chat, days.c.date).where(
        days.c.given_up_at > 0, in_window, sa.not_(days.c.settled)
    )
    asked = (
        sa.select(asks.c.chat, asks.c.date)
        .join(requests, requests.c.request_id == asks.c.request_id)
        .outerjoin(days, sa.and_(days.c.chat == asks.c.chat, days.c.date == asks.c.date))
        .where(asks.c.state == "open", of_late)
        .where(sa.or_(days.c.settled.is_(None), sa.not_(days.c.settled)))
        .group_by(asks.c.chat, asks.c.date)
        .having(sa.func.min(requests.c.received_at) > asked_after)
    )
    either = sa.union(given_up, asked).subquery()
    found = connection.execute(sa.select(either.c.chat, sa.func.count()).group_by(either.c.chat))
    return dict(found.all())
