"""Days that requests asked for, and how they end. Every function works inside the caller's transaction."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.tables import asks, requests

End = Literal["fetched", "unchanged", "skipped", "duplicate", "failed", "cancelled"]
"""How an ask ends. `fetched`: new or changed content; `unchanged`: read again, the same; `skipped`: it was
complete already; `duplicate`: the same ask was answered a moment ago; `cancelled`: somebody said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asked for a day.

    Attributes:
        request_id: the ledger's own id of the request.
        command_id: as the command gave it or got it; None where a person, a schedule or healing asked.
    """

    request_id: str
    command_id: str | None
    correlation_id: str


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


def askers_of(connection: sa.Connection, batch_id: str, chat: str, day: dt.date) -> tuple[Asker, ...]:
    """Returns who waits for a day of a batch, the first asker first; joined requests are among them."""
    found = connection.execute(
        sa.select(requests.c.request_id, requests.c.command_id, requests.c.correlation_id)
        .join(asks, asks.c.request_id == requests.c.request_id)
        .where(*_open_asks(batch_id, chat, day))
        .order_by(requests.c.seq)
        .with_for_update(of=asks)
    )
    return tuple(Asker(**row) for row in found.mappings())


def correlation_ids_of(connection: sa.Connection, batch_ids: Collection[str]) -> dict[str, list[str]]:
    """Returns whose open asks each batch answers, by their correlation ids, the first asker first."""
    found = connection.execute(
        sa.select(asks.c.batch_id, requests.c.correlation_id)
        .join(requests, asks.c.request_id == requests.c.request_id)
        .where(asks.c.batch_id.in_(batch_ids), asks.c.state == "open")
        .group_by(asks.c.batch_id, requests.c.correlation_id)
        .order_by(sa.func.min(requests.c.seq))
    )
    askers: dict[str, list[str]] = {batch_id: [] for batch_id in batch_ids}
    for batch_id, correlation_id in found:
        askers[batch_id].append(correlation_id)
    return askers


def end_asks(
    connection: sa.Connection,
    request_ids: Sequence[str],
    chat: str,
    day: dt.date,
    *,
    end: End,
    event_id: str | None,
    error_type: str | None = None,
    error: str | None = None,
) -> int:
    """Ends the open asks of these requests for a day, in the transaction of its event; returns how many.

    A request whose last open ask ends here is settled by the reconciler.
    """
    waiting = connection.execute(
        sa.select(asks.c.request_id)
        .where(
            asks.c.request_id.in_(request_ids),
            asks.c.chat == chat,
            asks.c.date == day,
            asks.c.state == "open",
        )
        .order_by(asks.c.request_id)
        .with_for_update()
    )
    ended = [
        EndedAsk(
            request_id=request_id,
            chat=chat,
            date=day,
            end=end,
            event_id=event_id,
            error_type=error_type,
            error=error,
        )
        for request_id in waiting.scalars()
    ]
    end_many(connection, ended, at=now())
    return len(ended)


def end_many(connection: sa.Connection, ended: Sequence[EndedAsk], *, at: float) -> None:
    """Ends open asks, each at most once, and counts them off their requests."""
    if not ended:
        return
    statement = (
        sa.update(asks)
        .where(*this_ask(), asks.c.state == "open")
        .values(
            state=sa.bindparam("new_end"),
            event_id=sa.bindparam("new_event_id"),
            error_type=sa.bindparam("new_error_type"),
            error=sa.bindparam("new_error"),
            ended_at=at,
        )
    )
    connection.execute(statement, [bound(asdict(each)) for each in ended])
    _count_off(connection, ended)


def _count_off(connection: sa.Connection, ended: Sequence[EndedAsk]) -> None:
    """Takes ended asks off the number of open days of their requests."""
    counts: dict[str, dict[str, Any]] = {}
    # In one order, whoever counts: two that lock the same requests in two orders would wait for each other.
    for each in sorted(ended, key=lambda each: each.request_id):
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


def insert(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes asks down; each row names the same columns."""
    if rows:
        connection.execute(sa.insert(asks), list(rows))


def note_failure(
    connection: sa.Connection,
    batch_id: str,
    chat: str,
    day: dt.date,
    *,
    error_type: str,
    error: str,
    wait_until: float,
) -> None:
    """Notes on the open asks of a batch why its run did not get a day."""
    connection.execute(
        sa.update(asks)
        .where(*_open_asks(batch_id, chat, day))
        .values(error_type=error_type, error=error, wait_until=wait_until)
    )


def this_ask() -> tuple[sa.ColumnElement[bool], ...]:
    """Returns the condition that names one ask, for many rows of `bound` at once."""
    return (
        asks.c.request_id == sa.bindparam("this_request"),
        asks.c.chat == sa.bindparam("this_chat"),
        asks.c.date == sa.bindparam("this_date"),
    )


def bound(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row's key as `this_*` and its other values as `new_*`."""
    keys = ("request_id", "chat", "date")
    this = {"this_request": row["request_id"], "this_chat": row["chat"], "this_date": row["date"]}
    return this | {f"new_{name}": value for name, value in row.items() if name not in keys}


def _open_asks(batch_id: str, chat: str, day: dt.date) -> tuple[sa.ColumnElement[bool], ...]:
    return (asks.c.batch_id == batch_id, asks.c.chat == chat, asks.c.date == day, asks.c.state == "open")
