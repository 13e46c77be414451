"""Open days that no run reads yet: the most urgent of each chat, and which join a run.

Many chats at a time, so that a tick asks as many questions whatever is open. Every function works inside the
caller's transaction.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.tables import asks, days
from tg_fetcher_dagster.ledger.waits import is_due

RECENT = 30
"""Days that the mean of a chat's requests looks back."""

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
# Written out: a database takes an index of these rows alone where the query says the same words.
_NO_RUN = (asks.c.state == sa.literal_column("'open'"), asks.c.batch_id.is_(None))


def _may_start(connection: Connection, now: float) -> list[sa.ColumnElement[bool]]:
    """The condition that an ask has no run and waits for nothing; SQLite may hold a word for its date."""
    is_date = [sa.func.date(asks.c.date) == asks.c.date] if connection.dialect.name == "sqlite" else []
    return [*_NO_RUN, is_due(asks.c.wait_until, now), *is_date]


def most_urgent(
    connection: Connection, now: float, *, only: Collection[str] | None = None
) -> list[Startable]:
    """Returns the first day of each chat that may start, by its urgency and the order of asking.

    It goes from chat to chat by an index, so it costs what the chats are and not what their open days are.

    Args:
        connection: of the transaction.
        now: seconds since 1970.
        only: requests whose days alone may start; None for all.
    """
    order = (asks.c.priority, asks.c.seq, asks.c.date)
    if only is not None:
        mine = sa.select(*_COLUMNS).where(*_may_start(connection, now), asks.c.request_id.in_(only))
        found = [Startable(**row) for row in connection.execute(mine.order_by(*order)).mappings()]
        return list({each.chat: each for each in reversed(found)}.values())
    chats = sa.select(sa.func.min(asks.c.chat).label("chat")).where(*_NO_RUN).cte("chats", recursive=True)
    following = sa.select(sa.func.min(asks.c.chat)).where(*_NO_RUN, asks.c.chat > chats.c.chat)
    chats = chats.union_all(
        sa.select(following.correlate(chats).scalar_subquery()).where(chats.c.chat.is_not(None))
    )
    may_start = (*_may_start(connection, now), asks.c.chat == chats.c.chat)
    first_request, first_date = (
        sa.select(column).where(*may_start).order_by(*order).limit(1).correlate(chats).scalar_subquery()
        for column in (asks.c.request_id, asks.c.date)
    )
    firsts = (
        sa.select(chats.c.chat, first_request.label("request_id"), first_date.label("date"))
        .where(chats.c.chat.is_not(None))
        .subquery("firsts")
    )
    key = (asks.c.request_id, asks.c.chat, asks.c.date)
    found_of_all = connection.execute(
        sa.select(*_COLUMNS).join_from(
            firsts, asks, sa.and_(*(column == firsts.c[column.name] for column in key))
        )
    )
    return [Startable(**row) for row in found_of_all.mappings()]


def around(
    connection: Connection, seeds: Sequence[Startable], now: float, *, before: dt.date
) -> dict[str, list[AskedDay]]:
    """Returns the open days of each seed's chat before a day that are asked for in the same way, ascending.

    Args:
        connection: of the transaction.
        seeds: one a chat.
        now: seconds since 1970.
        before: the first day that is left out.
    """
    kinds = {seed.chat: (seed.force, seed.message_limit) for seed in seeds}
    kind = (asks.c.chat, asks.c.date, asks.c.force, asks.c.message_limit)
    found = connection.execute(
        sa.select(*kind, sa.func.min(asks.c.priority), sa.func.count(), sa.func.min(asks.c.request_id))
        .where(*_may_start(connection, now), asks.c.chat.in_(kinds), asks.c.date < before)
        .group_by(*kind)
        .order_by(asks.c.chat, asks.c.date)
    )
    asked: dict[str, list[AskedDay]] = {chat: [] for chat in kinds}
    for chat, date, force, limit, priority, count, request_id in found:
        if kinds[chat] == (force, limit):
            only = request_id if count == 1 else None
            asked[chat].append(AskedDay(date=date, priority=priority, only=only))
    return asked


def alone_on_their_day(
    connection: Connection, seeds: Sequence[Startable], chats: Collection[str], now: float
) -> dict[str, set[str]]:
    """Returns by each seed's chat the chats of which its day is asked for as the seed is, and none beside it.

    Args:
        connection: of the transaction.
        seeds: one a chat.
        chats: those that may be among them.
        now: seconds since 1970.
    """
    if not seeds:
        return {}
    day = dt.timedelta(days=1)
    near = {each.date + day * step for each in seeds for step in (-1, 0, 1)}
    found = connection.execute(
        sa.select(asks.c.chat, asks.c.date, asks.c.force, asks.c.message_limit, asks.c.priority).where(
            *_may_start(connection, now), asks.c.chat.in_(chats), asks.c.date.in_(near)
        )
    )
    of_kind: dict[tuple[bool, int | None, int], list[tuple[str, dt.date]]] = {}
    for chat, date, force, limit, priority in found:
        of_kind.setdefault((force, limit, priority), []).append((chat, date))
    alone = {}
    for seed in seeds:
        asked = of_kind.get((seed.force, seed.message_limit, seed.priority), ())
        beside = {chat for chat, date in asked if abs(date - seed.date) == day}
        alone[seed.chat] = {chat for chat, date in asked if date == seed.date} - beside
    return alone


def assign(connection: Connection, made: Sequence[Batch], now: float) -> None:
    """Puts open days into batches, all of them that each answers.

    A run with `force` answers those who asked without it, too. What the run before noted of a day is no word
    on what this one will meet.
    """
    if not made:
        return
    statement = (
        sa.update(asks)
        .where(
            *_NO_RUN,
            asks.c.chat == sa.bindparam("this_chat"),
            asks.c.date >= sa.bindparam("this_first"),
            asks.c.date <= sa.bindparam("this_last"),
            sa.or_(asks.c.force.is_(False), sa.bindparam("with_force", type_=sa.Boolean)),
            asks.c.message_limit.is_not_distinct_from(sa.bindparam("this_limit", type_=sa.Integer)),
            is_due(asks.c.wait_until, now),
        )
        .values(batch_id=sa.bindparam("this_batch"), wait_until=0, error_type=None, error=None)
    )
    connection.execute(
        statement,
        [
            {
                "this_batch": batch.batch_id,
                "this_chat": chat,
                "this_first": batch.first,
                "this_last": batch.last,
                "with_force": batch.force,
                "this_limit": batch.limit,
            }
            for batch in made
            for chat in batch.chats
        ],
    )


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


def requests_a_day(connection: Connection, chats: Collection[str]) -> dict[str, float]:
    """Returns the mean number of requests that each chat's newest days took, at least 0.1."""
    recent = [
        sa.select(
            sa.select(days.c.chat, days.c.requests)
            .where(days.c.chat == chat, days.c.requests.is_not(None))
            .order_by(days.c.date.desc())
            .limit(RECENT)
            .subquery()
        )
        for chat in chats
    ]
    took: dict[str, list[int]] = {}
    for chat, requests in connection.execute(sa.union_all(*recent)) if recent else ():
        took.setdefault(chat, []).append(requests)
    return {
        chat: max(0.1, sum(took[chat]) / len(took[chat])) if chat in took else UNKNOWN_REQUESTS
        for chat in chats
    }


def _same_limit(limit: int | None) -> sa.ColumnElement[bool]:
    return asks.c.message_limit.is_(None) if limit is None else asks.c.message_limit == limit
