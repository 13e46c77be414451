"""What planning asks of many chats at once. Every function works inside the caller's transaction."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.tables import asks, batches, days, requests

ChatDay = tuple[str, dt.date]


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """A day that a batch is asked to read.

    Attributes:
        begun: its run has registered.
    """

    batch_id: str
    force: bool
    limit: int | None
    begun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An ask that ended well a moment ago."""

    command_id: str | None
    correlation_id: str
    limit: int | None
    ended_at: float


def settled(
    connection: Connection, chats: Collection[str], first: dt.date, last: dt.date, *, now: float
) -> dict[ChatDay, str | None]:
    """Returns the days that need not be read again, with their files' checksums; none that is due again."""
    found = connection.execute(
        sa.select(days.c.chat, days.c.date, days.c.checksum_sha256).where(
            days.c.chat.in_(chats),
            days.c.settled,
            days.c.date >= first,
            days.c.date <= last,
            sa.or_(days.c.due_at.is_(None), days.c.due_at > now),
        )
    )
    return {(chat, day): checksum for chat, day, checksum in found}


def in_flight(connection: Connection, chats: Collection[str]) -> dict[ChatDay, InFlight]:
    """Returns the days of chats that batches are asked to read and have not told of yet.

    None of these batches ends before the caller's transaction has: who joins one is not left behind in it.
    """
    found = connection.execute(
        sa.select(
            asks.c.chat,
            asks.c.date,
            batches.c.batch_id,
            batches.c.force,
            batches.c.message_limit,
            batches.c.state,
        )
        .join(batches, batches.c.batch_id == asks.c.batch_id)
        .where(asks.c.chat.in_(chats), asks.c.state == "open", batches.c.state != "ended")
        # Postgres: `batches.end` waits for it; SQLite's writers are alone anyhow.
        .with_for_update(of=batches, read=True)
    )
    return {
        (chat, day): InFlight(batch_id=batch_id, force=force, limit=limit, begun=state == "running")
        for chat, day, batch_id, force, limit, state in found
    }


def answered_since(connection: Connection, chats: Collection[str], since: float) -> dict[ChatDay, Answered]:
    """Returns the days of chats whose asks ended well since a moment, the last end of each."""
    found = connection.execute(
        sa.select(
            asks.c.chat,
            asks.c.date,
            requests.c.command_id,
            requests.c.correlation_id,
            asks.c.message_limit,
            asks.c.ended_at,
        )
        .join(requests, requests.c.request_id == asks.c.request_id)
        .where(
            asks.c.ended_at >= since,
            asks.c.chat.in_(chats),
            asks.c.state.in_(("fetched", "unchanged", "skipped")),
        )
        .order_by(asks.c.ended_at)
    )
    return {
        (chat, day): Answered(command_id=command_id, correlation_id=correlation, limit=limit, ended_at=ended)
        for chat, day, command_id, correlation, limit, ended in found
    }
