"""Open days that no run reads yet: the most urgent one, and which join a run; in the caller's transaction."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

import sqlalchemy as sa

from tg_fetcher_dagster.ledger import batches
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.tables import asks, days

RECENT = 30
"""Days that the mean of a chat's requests looks back."""

LATELY = 3_600.0
"""Seconds that the turns of chats look back."""

UNKNOWN_REQUESTS = 2.0
"""Requests a day of a chat that was never read: one page and its share of comments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Startable:
    """An open day without a run."""

    request_id: str
    chat: str
    date: dt.date
    priority: int
    seq: int
    force: bool
    message_limit: int | None
    strategy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedDay:
    """An open day of a chat, whoever asks for it.

    Attributes:
        priority: of the most urgent who asks.
        only: the request, where it is the only one that asks.
    """

    date: dt.date
    priority: int
    only: str | None


_COLUMNS = [asks.c[field.name] for field in fields(Startable)]
_NO_RUN = (asks.c.state == "open", asks.c.batch_id.is_(None))


def most_urgent(
    connection: Connection, now: float, *, busy: Collection[str], only: Collection[str] | None = None
) -> Startable | None:
    """Returns the first day that may start; one chat is read by one run at a time.

    Of chats that are equally urgent it is the turn of the one that a run was asked for longest ago (of those
    of the last hour), so that whoever asks for much of one chat does not keep others waiting; within a chat
    the order of asking counts.

    Args:
        connection: of the transaction.
        now: seconds since 1970.
        busy: chats that a run reads.
        only: requests whose days alone may start; None for all.
    """
    may_start = [*_NO_RUN, asks.c.wait_until <= now, asks.c.chat.not_in(busy)]
    if only is not None:
        may_start.append(asks.c.request_id.in_(only))
    first = sa.select(asks.c.priority).where(*may_start).order_by(asks.c.priority).limit(1)
    priority = connection.execute(first).scalar()
    if priority is None:
        return None
    firsts = connection.execute(
        sa.select(asks.c.chat, sa.func.min(asks.c.seq))
        .where(*may_start, asks.c.priority == priority)
        .group_by(asks.c.chat)
    ).all()
    asked_at = batches.asked_lately(connection, now - LATELY)
    chat, seq = min(firsts, key=lambda each: (asked_at.get(each[0], 0.0), each[1]))
    row = (
        connection.execute(
            sa.select(*_COLUMNS)
            .where(*may_start, asks.c.priority == priority, asks.c.seq == seq, asks.c.chat == chat)
            .order_by(asks.c.date)
            .limit(1)
        )
        .mappings()
        .one()
    )
    return Startable(**row)


def of_chat(connection: Connection, seed: Startable, now: float, *, before: dt.date) -> list[AskedDay]:
    """Returns the chat's open days before one that are asked for in the same way, ascending."""
    found = connection.execute(
        sa.select(
            asks.c.date,
            sa.func.min(asks.c.priority),
            sa.func.count(),
            sa.func.min(asks.c.request_id),
        )
        .where(
            *_NO_RUN,
            asks.c.chat == seed.chat,
            asks.c.date < before,
            asks.c.wait_until <= now,
            asks.c.force == seed.force,
            _same_limit(seed.message_limit),
        )
        .group_by(asks.c.date)
        .order_by(asks.c.date)
    )
    return [
        AskedDay(date=date, priority=priority, only=request_id if count == 1 else None)
        for date, priority, count, request_id in found
    ]


def alone_on(connection: Connection, seed: Startable, now: float) -> set[str]:
    """Returns the chats of which that one day is asked for as the seed is, and none beside it."""
    day = dt.timedelta(days=1)
    found = connection.execute(
        sa.select(asks.c.chat, asks.c.date).where(
            *_NO_RUN,
            asks.c.date.in_((seed.date - day, seed.date, seed.date + day)),
            asks.c.wait_until <= now,
            asks.c.force == seed.force,
            asks.c.priority == seed.priority,
            _same_limit(seed.message_limit),
        )
    )
    on_day: set[str] = set()
    beside: set[str] = set()
    for chat, date in found:
        (on_day if date == seed.date else beside).add(chat)
    return on_day - beside


def assign(
    connection: Connection,
    batch_id: str,
    *,
    chats: Collection[str],
    first: dt.date,
    last: dt.date,
    force: bool,
    limit: int | None,
    now: float,
) -> int:
    """Puts open days into a batch, all of them that it answers; returns how many.

    A run with `force` answers those who asked without it, too. What the run before noted of a day is no word
    on what this one will meet.
    """
    where = [*_NO_RUN, asks.c.chat.in_(chats), asks.c.date >= first, asks.c.date <= last]
    if not force:
        where.append(asks.c.force.is_(False))
    return connection.execute(
        sa.update(asks)
        .where(*where, asks.c.wait_until <= now, _same_limit(limit))
        .values(batch_id=batch_id, wait_until=0, error_type=None, error=None)
    ).rowcount


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
                *_NO_RUN,
                asks.c.chat == chat,
                asks.c.date.in_(wanted),
                asks.c.force == force,
                _same_limit(limit),
            )
            .values(batch_id=batch_id)
        ).rowcount
        for chat, wanted in chats.items()
    )


def requests_a_day(connection: Connection, chat: str) -> float:
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


def _same_limit(limit: int | None) -> sa.ColumnElement[bool]:
    return asks.c.message_limit.is_(None) if limit is None else asks.c.message_limit == limit
