"""Days that requests asked for, and how they end. Every function works inside the caller's transaction."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.tables import asks, requests

End = Literal["fetched", "unchanged", "skipped", "failed", "cancelled"]
"""How an ask ends. `fetched`: new or changed content; `unchanged`: read again, the same; `skipped`: it was
complete already; `cancelled`: somebody said so."""


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


def askers_of(connection: sa.Connection, batch_id: str, chat: str, day: dt.date) -> tuple[Asker, ...]:
    """Returns who waits for a day of a batch, the first asker first; joined requests are among them."""
    found = connection.execute(
        sa.select(requests.c.request_id, requests.c.command_id, requests.c.correlation_id)
        .join(asks, asks.c.request_id == requests.c.request_id)
        .where(asks.c.batch_id == batch_id, asks.c.chat == chat, asks.c.date == day, asks.c.state == "open")
        .order_by(requests.c.seq)
        .with_for_update(of=asks)
    )
    return tuple(Asker(**row) for row in found.mappings())


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
    if not request_ids:
        return 0
    ended = list(
        connection.execute(
            sa.update(asks)
            .where(
                asks.c.request_id.in_(request_ids),
                asks.c.chat == chat,
                asks.c.date == day,
                asks.c.state == "open",
            )
            .values(state=end, event_id=event_id, error_type=error_type, error=error, ended_at=now())
            .returning(asks.c.request_id)
        ).scalars()
    )
    values: dict[str, object] = {"open_days": requests.c.open_days - 1}
    if end in {"failed", "cancelled"}:
        values |= {
            "failed_days": requests.c.failed_days + 1,
            "error_type": sa.func.coalesce(requests.c.error_type, error_type),
            "error": sa.func.coalesce(requests.c.error, error),
        }
    # Only of those that this has ended: somebody else may have been faster (Postgres).
    connection.execute(sa.update(requests).where(requests.c.request_id.in_(ended)).values(values))
    return len(ended)


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
        .where(asks.c.batch_id == batch_id, asks.c.chat == chat, asks.c.date == day, asks.c.state == "open")
        .values(error_type=error_type, error=error, wait_until=wait_until)
    )
