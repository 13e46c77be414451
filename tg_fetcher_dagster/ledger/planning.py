"""What planning asks of many chats at once. Every function works inside the caller's transaction."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.tables import asks, batches, days, requests

ChatDay = tuple[str, dt.date]
SameAsk = tuple[str, dt.date, int | None]
"""Chat, day and limit of messages: two such asks want the same."""


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
    """An end of a moment ago that went well.

    Attributes:
        command_ids: those that it answered, the first one first.
        event_id: of the event that told it.
        checksum: of the day's file.
        ended_at: seconds since 1970.
    """

    command_ids: tuple[str, ...]
    event_id: str
    checksum: str | None
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


def answered_between(
    connection: Connection,
    chats: Collection[str],
    first: dt.date,
    last: dt.date,
    *,
    since: float,
    until: float,
) -> dict[SameAsk, Answered]:
    """Returns the last end of each day of chats, of those that went well between two moments.

    Who was answered by an end of before (`duplicate`) is not among those whom an end answered.
    """
    found = connection.execute(
        sa.select(
            asks.c.chat,
            asks.c.date,
            asks.c.message_limit,
            asks.c.event_id,
            asks.c.ended_at,
            requests.c.command_id,
            days.c.checksum_sha256,
        )
        .join(requests, requests.c.request_id == asks.c.request_id)
        .outerjoin(days, sa.and_(days.c.chat == asks.c.chat, days.c.date == asks.c.date))
        .where(
            asks.c.ended_at >= since,
            asks.c.ended_at <= until,
            asks.c.chat.in_(chats),
            asks.c.date >= first,
            asks.c.date <= last,
            asks.c.state.in_(("fetched", "unchanged", "skipped")),
            asks.c.event_id.is_not(None),
        )
        .order_by(asks.c.ended_at, asks.c.seq)
    )
    answered: dict[SameAsk, Answered] = {}
    for chat, day, limit, event_id, ended_at, command_id, checksum in found:
        before = answered.get((chat, day, limit))
        named = before.command_ids if before and before.event_id == event_id else ()
        answered[chat, day, limit] = Answered(
            command_ids=(*named, command_id) if command_id else named,
            event_id=event_id,
            checksum=checksum,
            ended_at=ended_at,
        )
    return answered
