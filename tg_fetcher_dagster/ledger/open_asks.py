"""Days that are left open, many at a time. Every function works inside the caller's transaction."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.asks import bound, this_ask
from tg_fetcher_dagster.ledger.loose_values import read_number
from tg_fetcher_dagster.ledger.tables import asks, requests

OF_BATCHES = 100_000
"""Days that the end of batches looks at one by one; those beyond, of a flood of commands, are only let go."""


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
    return [_open_ask(row) for row in found.mappings()]


def _open_ask(row: sa.RowMapping) -> OpenAsk:
    values = dict(row)
    for name in ("tries", "waits"):
        values[name] = read_number(values[name], otherwise=0)
    values["wait_until"] = read_number(values["wait_until"], otherwise=0.0)
    return OpenAsk(**values)


def open_of_batches(connection: sa.Connection, batch_ids: Collection[str]) -> list[OpenAsk]:
    """Returns the asks that batches have left open, OF_BATCHES at most; `let_go` sees to the others."""
    return open_asks(connection, asks.c.batch_id.in_(batch_ids), limit=OF_BATCHES)


def let_go(connection: sa.Connection, batch_ids: Collection[str], *, until: float | None = None) -> int:
    """Takes all asks that are still open out of batches that end: nobody looks at these again.

    Args:
        connection: of the transaction.
        batch_ids: the batches.
        until: they are not asked for before; None: as it was.
    """
    left = sa.update(asks).where(asks.c.batch_id.in_(batch_ids), asks.c.state == "open")
    values: dict[str, Any] = {"batch_id": None, **({} if until is None else {"wait_until": until})}
    return connection.execute(left.values(**values)).rowcount


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
        .where(*this_ask(), asks.c.state == "open")
        .values(
            batch_id=None,
            wait_until=sa.bindparam("new_wait_until"),
            tries=sa.bindparam("new_tries"),
            waits=sa.bindparam("new_waits"),
            error_type=sa.bindparam("new_error_type"),
            error=sa.bindparam("new_error"),
        )
    )
    connection.execute(statement, [bound(row) for row in changed])


def requests_wait(connection: sa.Connection, until: Mapping[str, float]) -> None:
    """Notes until when requests wait, for those who look, and that another run was needed."""
    if not until:
        return
    statement = (
        sa.update(requests)
        .where(requests.c.request_id == sa.bindparam("this_request"))
        .values(wait_until=sa.bindparam("until"), tries=requests.c.tries + 1)
    )
    rows = [{"this_request": request_id, "until": moment} for request_id, moment in sorted(until.items())]
    connection.execute(statement, rows)
