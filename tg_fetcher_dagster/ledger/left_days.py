"""Days that are left open, many at a time. Every function works inside the caller's transaction."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.asks import End
from tg_fetcher_dagster.ledger.tables import asks, requests

OF_A_BATCH = 100_000
"""Days that the end of a batch looks at one by one; those beyond, of a flood of commands, are only let go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAsk:
    """A day that a request waits for.

    Attributes:
        source: who asked.
        tries: runs that did not get it.
        waits: times that it was put off without using up a try.
        wait_until: seconds since 1970; it is not asked for before.
        error: why the last run did not get it.
    """

    request_id: str
    chat: str
    date: dt.date
    source: str
    command_id: str | None
    correlation_id: str
    tries: int
    waits: int
    wait_until: float
    error_type: str | None
    error: str | None
    batch_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAsk:
    """How an open ask ends, with the event that tells it."""

    request_id: str
    chat: str
    date: dt.date
    end: End
    event_id: str | None
    error_type: str | None = None
    error: str | None = None


def open_asks(connection: sa.Connection, *where: sa.ColumnElement[bool], limit: int) -> list[OpenAsk]:
    """Returns open asks in the order of asking."""
    found = connection.execute(
        sa.select(
            asks.c.request_id,
            asks.c.chat,
            asks.c.date,
            requests.c.source,
            requests.c.command_id,
            requests.c.correlation_id,
            asks.c.tries,
            asks.c.waits,
            asks.c.wait_until,
            asks.c.error_type,
            asks.c.error,
            asks.c.batch_id,
        )
        .join(requests, requests.c.request_id == asks.c.request_id)
        .where(asks.c.state == "open", *where)
        .order_by(asks.c.seq, asks.c.date)
        .limit(limit)
        # Postgres: nobody else ends them before this transaction has; SQLite's writers are alone anyhow.
        .with_for_update(of=asks)
    )
    return [OpenAsk(**row) for row in found.mappings()]


def open_of_batch(connection: sa.Connection, batch_id: str) -> list[OpenAsk]:
    """Returns the asks that a batch has left open, OF_A_BATCH at most; `let_go` sees to the others."""
    return open_asks(connection, asks.c.batch_id == batch_id, limit=OF_A_BATCH)


def let_go(connection: sa.Connection, batch_id: str) -> int:
    """Takes all asks that are still open out of a batch that ends: nobody looks at it again."""
    return connection.execute(
        sa.update(asks).where(asks.c.batch_id == batch_id, asks.c.state == "open").values(batch_id=None)
    ).rowcount


def open_of(
    connection: sa.Connection, *, command_id: str | None = None, chat: str | None = None, limit: int
) -> list[OpenAsk]:
    """Returns the open asks of a command (by its own id or the ledger's), of a chat, or all."""
    where = []
    if command_id is not None:
        where.append(sa.or_(requests.c.command_id == command_id, requests.c.request_id == command_id))
    if chat is not None:
        where.append(asks.c.chat == chat)
    return open_asks(connection, *where, limit=limit)


def put_off(connection: sa.Connection, changed: Sequence[Mapping[str, Any]]) -> None:
    """Takes open asks out of their batch, to be asked for again.

    Args:
        connection: of the transaction.
        changed: rows with the key's columns, `wait_until`, `tries`, `waits`, `error_type` and `error`.
    """
    if not changed:
        return
    statement = (
        sa.update(asks)
        .where(*_this_one(), asks.c.state == "open")
        .values(
            batch_id=None,
            wait_until=sa.bindparam("new_wait_until"),
            tries=sa.bindparam("new_tries"),
            waits=sa.bindparam("new_waits"),
            error_type=sa.bindparam("new_error_type"),
            error=sa.bindparam("new_error"),
        )
    )
    connection.execute(statement, [_bound(row) for row in changed])


def end_many(connection: sa.Connection, ended: Sequence[EndedAsk], *, at: float) -> None:
    """Ends open asks, each at most once, and counts them off their requests."""
    if not ended:
        return
    statement = (
        sa.update(asks)
        .where(*_this_one(), asks.c.state == "open")
        .values(
            state=sa.bindparam("new_end"),
            event_id=sa.bindparam("new_event_id"),
            error_type=sa.bindparam("new_error_type"),
            error=sa.bindparam("new_error"),
            ended_at=at,
        )
    )
    connection.execute(statement, [_bound(asdict(each)) for each in ended])
    count_off(connection, ended)


def count_off(connection: sa.Connection, ended: Sequence[EndedAsk]) -> None:
    """Takes ended asks off the number of open days of their requests."""
    counts: dict[str, dict[str, Any]] = {}
    for each in ended:
        fresh = {"this_request": each.request_id, "days": 0, "bad": 0, "why_type": None, "why": None}
        row = counts.setdefault(each.request_id, fresh)
        row["days"] += 1
        if each.end in {"failed", "cancelled"}:
            row["bad"] += 1
            row["why_type"] = row["why_type"] or each.error_type
            row["why"] = row["why"] or each.error
    statement = (
        sa.update(requests)
        .where(requests.c.request_id == sa.bindparam("this_request"))
        .values(
            open_days=requests.c.open_days - sa.bindparam("days"),
            failed_days=requests.c.failed_days + sa.bindparam("bad"),
            error_type=sa.func.coalesce(requests.c.error_type, sa.bindparam("why_type", type_=sa.String)),
            error=sa.func.coalesce(requests.c.error, sa.bindparam("why", type_=sa.Text)),
        )
    )
    connection.execute(statement, list(counts.values()))


def _this_one() -> tuple[sa.ColumnElement[bool], ...]:
    return (
        asks.c.request_id == sa.bindparam("this_request"),
        asks.c.chat == sa.bindparam("this_chat"),
        asks.c.date == sa.bindparam("this_date"),
    )


def _bound(row: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("request_id", "chat", "date")
    this = {"this_request": row["request_id"], "this_chat": row["chat"], "this_date": row["date"]}
    return this | {f"new_{name}": value for name, value in row.items() if name not in keys}


def requests_wait(connection: sa.Connection, until: Mapping[str, float]) -> None:
    """Notes until when requests wait, for those who look, and that another run was needed."""
    if not until:
        return
    statement = (
        sa.update(requests)
        .where(requests.c.request_id == sa.bindparam("this_request"))
        .values(wait_until=sa.bindparam("until"), tries=requests.c.tries + 1)
    )
    rows = [{"this_request": request_id, "until": moment} for request_id, moment in until.items()]
    connection.execute(statement, rows)
