"""Requests: every ask, whoever asks. Every function works inside the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.loose_values import read_number
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.ledger.tables import asks, requests
from tg_fetcher_dagster.ledger.waits import is_due
from tg_fetcher_dagster.metrics.counted import REQUESTS

RequestState = Literal[
    "new", "waiting", "unresolved", "planned", "done", "failed", "cancelled", "refused", "repeated"
]
"""`waiting`: for its requester's turn; `repeated`: Redis gave it back after it had lost time."""

OPEN: tuple[RequestState, ...] = ("new", "waiting", "unresolved", "planned")

_PLANNING = 7_402_114
"""Of Postgres' advisory lock; any number of our own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One ask, as the ledger keeps it; days stand in `asks`."""

    seq: int
    request_id: str
    source: str
    state: str
    raw: bytes | None
    command_id: str | None
    correlation_id: str
    spelling: str | None
    chat: str | None
    strategy: str
    priority: int
    requested_by: str
    received_at: float
    run_id: str | None
    wait_until: float | None
    tries: int
    open_days: int
    failed_days: int
    error_type: str | None
    error: str | None
    ended_at: float | None


_COLUMNS = [requests.c[field.name] for field in fields(Request)]


def lock_planning(connection: Connection) -> None:
    """Lets one transaction at a time decide on requests; SQLite's writers are alone anyhow."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PLANNING)))


def insert(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes requests down and counts them, in order; each row names the same columns."""
    if rows:
        connection.execute(sa.insert(requests), list(rows))
        asked = [row["source"] for row in rows if row["state"] != "repeated"]
        measure(connection, [Measure(REQUESTS, (source,)) for source in asked])


def of_state(
    connection: Connection,
    state: RequestState,
    *,
    after: int = 0,
    due: float | None = None,
    limit: int,
) -> list[Request]:
    """Returns requests in a state, in the order of asking.

    Args:
        connection: of the transaction.
        state: which.
        after: only those behind this `seq`.
        due: only those that wait for nothing later than this moment.
        limit: so many at most.
    """
    query = sa.select(*_COLUMNS).where(requests.c.state == state, requests.c.seq > after)
    if due is not None:
        query = query.where(is_due(sa.func.coalesce(requests.c.wait_until, 0), due))
    found = connection.execute(query.order_by(requests.c.seq).limit(limit))
    return [_request(row) for row in found.mappings()]


def still(connection: Connection, request_ids: Collection[str], states: Collection[RequestState]) -> set[str]:
    """Returns which of these requests are still in one of the states."""
    found = connection.execute(
        sa.select(requests.c.request_id).where(
            requests.c.request_id.in_(request_ids), requests.c.state.in_(states)
        )
    )
    return set(found.scalars())


def find(connection: Connection, wanted: str) -> list[Request]:
    """Returns the requests of an id: the ledger's own, or a command's."""
    found = connection.execute(
        sa.select(*_COLUMNS)
        .where(sa.or_(requests.c.request_id == wanted, requests.c.command_id == wanted))
        .order_by(requests.c.seq)
    )
    return [_request(row) for row in found.mappings()]


def change(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Changes requests by `request_id`; each row names the same columns."""
    if not rows:
        return
    columns = [name for name in rows[0] if name != "request_id"]
    statement = (
        sa.update(requests)
        .where(requests.c.request_id == sa.bindparam("this_request"))
        .values({name: sa.bindparam(f"new_{name}") for name in columns})
    )
    connection.execute(
        statement,
        [
            {"this_request": row["request_id"], **{f"new_{name}": row[name] for name in columns}}
            for row in rows
        ],
    )


def set_state(
    connection: Connection, request_ids: Collection[str], state: RequestState, **values: object
) -> None:
    """Gives requests another state."""
    if request_ids:
        connection.execute(
            sa.update(requests).where(requests.c.request_id.in_(request_ids)).values(state=state, **values)
        )


def answered(connection: Connection, limit: int) -> list[Request]:
    """Returns planned requests whose days have all ended, but those that somebody else is ending."""
    found = connection.execute(
        sa.select(*_COLUMNS)
        .where(requests.c.state == "planned", requests.c.open_days <= 0)
        .order_by(requests.c.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_request(row) for row in found.mappings()]


def lock(connection: Connection, request_ids: Collection[str]) -> None:
    """Keeps requests for this transaction, always in one order; SQLite lets one write at a time anyway."""
    if request_ids:
        connection.execute(
            sa.select(requests.c.request_id)
            .where(requests.c.request_id.in_(request_ids))
            .order_by(requests.c.request_id)
            .with_for_update()
        )


def end_answered(
    connection: Connection, request_ids: Collection[str], state: RequestState, *, at: float
) -> set[str]:
    """Ends planned requests; returns those that nobody else has ended meanwhile."""
    ended = (
        sa.update(requests)
        .where(requests.c.request_id.in_(request_ids), requests.c.state == "planned")
        .values(state=state, ended_at=at, wait_until=None)
    )
    return set(connection.execute(ended.returning(requests.c.request_id)).scalars())


def seq_of(connection: Connection, request_ids: Collection[str]) -> dict[str, int]:
    """Returns the place of requests in the order of asking."""
    found = connection.execute(
        sa.select(requests.c.request_id, requests.c.seq).where(requests.c.request_id.in_(request_ids))
    )
    return {row[0]: row[1] for row in found}


def planned_for(connection: Connection, batch_id: str) -> list[float]:
    """Returns when each request was planned of which a batch has days that no run had before."""
    found = connection.execute(
        sa.select(requests.c.request_id, requests.c.planned_at)
        .join(asks, asks.c.request_id == requests.c.request_id)
        .where(asks.c.batch_id == batch_id, asks.c.tries == 0, asks.c.waits == 0)
        .distinct()
    )
    return [planned_at for _, planned_at in found if planned_at is not None]


def received_hashes(connection: Connection, first: float, last: float) -> dict[str, int]:
    """Returns how often each command was taken from Redis between two moments, by its SHA-256."""
    found = connection.execute(
        sa.select(requests.c.raw_sha256, sa.func.count())
        .where(requests.c.received_at >= first, requests.c.received_at <= last, requests.c.source == "redis")
        .group_by(requests.c.raw_sha256)
    )
    return {sha256: count for sha256, count in found if sha256}


def out_of_turn(connection: Connection, moment: float) -> dict[str, float]:
    """Returns who has commands that wait for their turn beyond a moment, and until when."""
    found = connection.execute(
        sa.select(requests.c.requested_by, sa.func.max(requests.c.wait_until))
        .where(requests.c.state == "waiting", sa.not_(is_due(requests.c.wait_until, moment)))
        .group_by(requests.c.requested_by)
    )
    return {row[0]: row[1] for row in found}


def counts(connection: Connection) -> dict[str, int]:
    """Returns how many requests are in each open state."""
    found = connection.execute(
        sa.select(requests.c.state, sa.func.count())
        .where(requests.c.state.in_(OPEN))
        .group_by(requests.c.state)
    )
    return {row[0]: row[1] for row in found}


def waiting_commands(connection: Connection, after: float, limit: int) -> dict[str, float]:
    """Returns until when commands wait, by their ids, the first ones first."""
    found = connection.execute(
        sa.select(sa.func.coalesce(requests.c.command_id, requests.c.request_id), requests.c.wait_until)
        .where(requests.c.state.in_(OPEN), requests.c.wait_until > after)
        .order_by(requests.c.wait_until)
        .limit(limit)
    )
    return {row[0]: row[1] for row in found}


def forget(connection: Connection, before: float, limit: int = 1_000) -> int:
    """Removes requests that ended before a moment, with their asks; returns how many."""
    old = list(
        connection.execute(
            sa.select(requests.c.request_id)
            .where(requests.c.ended_at < before, requests.c.received_at < before)
            .order_by(requests.c.received_at)
            .limit(limit)
        ).scalars()
    )
    if old:
        connection.execute(sa.delete(asks).where(asks.c.request_id.in_(old)))
        connection.execute(sa.delete(requests).where(requests.c.request_id.in_(old)))
    return len(old)


def _request(row: sa.RowMapping) -> Request:
    values = dict(row)
    for name in ("priority", "tries", "open_days", "failed_days"):
        values[name] = read_number(values[name], otherwise=0)
    values["received_at"] = read_number(values["received_at"], otherwise=0.0)
    if values["wait_until"] is not None:
        values["wait_until"] = read_number(values["wait_until"], otherwise=0.0)
    return Request(**values)
