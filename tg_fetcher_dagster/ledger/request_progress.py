"""How far requests are, for who waits for them. One look reads their own rows, whatever the history.

Every function works inside the caller's transaction.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.asks import End
from tg_fetcher_dagster.ledger.batches import in_flight
from tg_fetcher_dagster.ledger.requests import OPEN
from tg_fetcher_dagster.ledger.tables import asks, batches, days, requests, unresolved


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestProgress:
    """A request as it stands.

    Attributes:
        state: docs/ledger.md, "How a request lives".
        spelling: the chat as it was asked for.
        chat: its key, once it is known.
        open_days: days that have not ended; 0 before the request is planned, too.
        wait_until: seconds since 1970.
        run_id: of the run that finds out who the chat is, or the one that asked for itself.
    """

    request_id: str
    command_id: str | None
    state: str
    spelling: str | None
    chat: str | None
    open_days: int
    error_type: str | None
    error: str | None
    wait_until: float | None
    run_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayEnd:
    """How one day of a request ended.

    Attributes:
        date: None where the request failed before it had days.
        message_count: of the day as it is kept; None where nothing is.
        settled: nothing is left to be fetched of it.
    """

    request_id: str
    chat: str
    date: dt.date | None
    end: End
    error: str | None = None
    message_count: int | None = None
    settled: bool = False
    ended_at: float = 0.0

    @property
    def failed(self) -> bool:
        """True where the day was not fetched."""
        return self.end in {"failed", "cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDays:
    """Days of one chat that have not ended and are in the same position.

    Attributes:
        batch_state: `asked` or `running`; None where no run is asked for.
        wait_until: they are not begun before; seconds since 1970, 0 for at once.
        error_type: why they wait, or failed the last time.
    """

    chat: str
    days: int
    first: dt.date
    last: dt.date
    batch_state: str | None
    wait_until: float
    error_type: str | None
    error: str | None


def requests_of_commands(connection: sa.Connection, command_ids: Collection[str]) -> list[RequestProgress]:
    """Returns the requests that came of commands, in the order of their coming."""
    named = ("request_id", "command_id", "state", "spelling", "chat", "open_days", "wait_until", "run_id")
    found = connection.execute(
        sa.select(
            *(requests.c[name] for name in named),
            sa.func.coalesce(requests.c.error_type, unresolved.c.error_type).label("error_type"),
            sa.func.coalesce(requests.c.error, unresolved.c.error).label("error"),
        )
        .outerjoin(unresolved, unresolved.c.spelling == requests.c.spelling)
        .where(requests.c.command_id.in_(command_ids))
        .order_by(requests.c.seq)
    )
    return [RequestProgress(**row) for row in found.mappings()]


def ended_days(connection: sa.Connection, request_ids: Collection[str], since: float) -> list[DayEnd]:
    """Returns the days of requests that ended since a moment (seconds since 1970), in that order."""
    found = connection.execute(
        sa.select(
            asks.c.request_id,
            asks.c.chat,
            asks.c.date,
            asks.c.state.label("end"),
            asks.c.error,
            asks.c.ended_at,
            days.c.message_count,
            sa.func.coalesce(days.c.settled, sa.false()).label("settled"),
        )
        .outerjoin(days, sa.and_(days.c.chat == asks.c.chat, days.c.date == asks.c.date))
        .where(asks.c.request_id.in_(request_ids), asks.c.state != "open", asks.c.ended_at >= since)
        .order_by(asks.c.ended_at, asks.c.chat, asks.c.date)
    )
    return [DayEnd(**{**row, "settled": bool(row["settled"])}) for row in found.mappings()]


def open_days(connection: sa.Connection, request_ids: Collection[str]) -> list[OpenDays]:
    """Returns the days of requests that have not ended: those being read first, then who begins soonest."""
    same = (asks.c.chat, batches.c.state, asks.c.wait_until, asks.c.error_type)
    found = connection.execute(
        sa.select(
            asks.c.chat,
            sa.func.count().label("days"),
            sa.func.min(asks.c.date).label("first"),
            sa.func.max(asks.c.date).label("last"),
            batches.c.state.label("batch_state"),
            asks.c.wait_until,
            asks.c.error_type,
            sa.func.max(asks.c.error).label("error"),
        )
        .outerjoin(batches, batches.c.batch_id == asks.c.batch_id)
        .where(asks.c.request_id.in_(request_ids), asks.c.state == "open")
        .group_by(*same)
        .order_by(sa.case((batches.c.state == "running", 0), else_=1), asks.c.wait_until, asks.c.chat)
    )
    return [OpenDays(**row) for row in found.mappings()]


def own_batches(connection: sa.Connection, command_ids: Collection[str]) -> set[str]:
    """Returns the batches that are to read open days of commands."""
    found = connection.execute(
        sa.select(asks.c.batch_id)
        .join(requests, requests.c.request_id == asks.c.request_id)
        .where(requests.c.command_id.in_(command_ids), asks.c.state == "open", asks.c.batch_id.is_not(None))
        .distinct()
    )
    return {batch_id for batch_id in found.scalars() if batch_id is not None}


def batches_before(connection: sa.Connection, command_ids: Collection[str]) -> frozenset[str]:
    """Returns the batches without a run yet that are to read the chats of commands' open days before them."""
    chats = (
        sa.select(asks.c.chat)
        .join(requests, requests.c.request_id == asks.c.request_id)
        .where(requests.c.command_id.in_(command_ids), asks.c.state == "open", asks.c.batch_id.is_(None))
        .distinct()
    )
    waiting = frozenset(connection.execute(chats).scalars())
    asked = [each for each in in_flight(connection) if each.run_id is None]
    return frozenset(each.batch_id for each in asked if waiting.intersection(each.chats))


def open_counts(
    connection: sa.Connection, *, command_ids: Collection[str] = (), chat: str | None = None
) -> tuple[int, int]:
    """Returns how many requests have not ended, and how many days of them.

    Args:
        connection: of the transaction.
        command_ids: those of these commands alone, by a command's id or the ledger's own.
        chat: days of this chat alone.
    """
    asked = sa.select(sa.func.count(sa.distinct(requests.c.request_id)), sa.func.count(asks.c.date))
    joined = asks.c.request_id == requests.c.request_id, asks.c.state == "open"
    query = asked.select_from(requests.outerjoin(asks, sa.and_(*joined)))
    query = query.where(requests.c.state.in_(OPEN))
    if command_ids:
        named = requests.c.command_id.in_(command_ids), requests.c.request_id.in_(command_ids)
        query = query.where(sa.or_(*named))
    if chat is not None:
        query = query.where(sa.or_(asks.c.chat == chat, requests.c.chat == chat))
    number, days = connection.execute(query).one()
    return int(number), int(days)
