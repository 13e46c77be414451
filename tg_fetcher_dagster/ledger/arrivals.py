"""Many rows at once from elsewhere: a layout before the ledger, or files of which the ledger knows nothing.

Every function works inside the caller's transaction, and the second time it changes nothing.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.asks import EndedAsk, end_many
from tg_fetcher_dagster.ledger.chats import chats_changed
from tg_fetcher_dagster.ledger.database import Connection, now
from tg_fetcher_dagster.ledger.tables import (
    accounts,
    asks,
    chats,
    days,
    dead_letters,
    events,
    requests,
    unresolved,
)
from tg_fetcher_dagster.ledger.upsert import insert_into

Row = Mapping[str, Any]


def put_chats(connection: Connection, rows: Sequence[Row]) -> list[str]:
    """Keeps chats whose key and id are new here; returns the keys of those whose id another chat has."""
    known = sa.select(chats.c.key, chats.c.marked_id).where(chats.c.forgotten_at.is_(None))
    taken = {row.marked_id: row.key for row in connection.execute(known)}
    fresh, refused = [], []
    for row in rows:
        if row["forgotten_at"] is None and taken.setdefault(row["marked_id"], row["key"]) != row["key"]:
            refused.append(row["key"])
        else:
            fresh.append({**row, "updated_at": now()})
    _insert_new(connection, chats, fresh)
    chats_changed(connection)
    return refused


def put_unresolved(connection: Connection, rows: Sequence[Row]) -> None:
    """Keeps spellings that led to no chat."""
    _insert_new(connection, unresolved, rows)


def put_accounts(connection: Connection, rows: Sequence[Row]) -> None:
    """Keeps the restrictions of accounts of which nothing is known here yet."""
    _insert_new(connection, accounts, [{**row, "updated_at": now()} for row in rows])


def newer_days(connection: Connection, chat: str, instants: Mapping[dt.date, float]) -> set[dt.date]:
    """Returns the days of a chat whose reading began later than the one that the ledger knows of.

    Args:
        connection: in a transaction.
        chat: the chat's key.
        instants: day -> when the reading began, in seconds since 1970.
    """
    if not instants:
        return set()
    kept = connection.execute(
        sa.select(days.c.date, days.c.fetched_at).where(
            days.c.chat == chat,
            days.c.date >= min(instants),
            days.c.date <= max(instants),
            days.c.fetched_at.is_not(None),
        )
    )
    known = {row.date: row.fetched_at for row in kept}
    return {day for day, at in instants.items() if day not in known or known[day] < at}


def put_days(connection: Connection, chat: str, rows: Sequence[Row]) -> int:
    """Keeps days of one chat, but for those of which a reading as new is known; returns how many.

    Args:
        connection: in a transaction that writes.
        chat: the chat's key.
        rows: all with the same columns; `fetched_at` decides.
    """
    newer = newer_days(connection, chat, {row["date"]: row["fetched_at"] for row in rows})
    values = [{**row, "chat": chat, "updated_at": now()} for row in rows if row["date"] in newer]
    if values:
        _put_days(connection, values)
    return len(values)


def put_events(connection: Connection, rows: Sequence[Row]) -> None:
    """Keeps events in this order; one whose request has told of that chat and day is left out."""
    _insert_new(connection, events, rows)


def told_days(
    connection: Connection, request_ids: Sequence[str]
) -> dict[tuple[str, str, dt.date], tuple[str, str, float]]:
    """Returns how days of requests ended: (request, chat, day) -> (event, its id, when it was recorded)."""
    found = connection.execute(
        sa.select(
            events.c.request_id,
            events.c.chat,
            events.c.date,
            events.c.event,
            events.c.event_id,
            events.c.recorded_at,
        ).where(events.c.request_id.in_(request_ids), events.c.date.is_not(None))
    )
    return {(row[0], row[1], row[2]): (row[3], row[4], row[5]) for row in found}


def put_requests(connection: Connection, rows: Sequence[Row]) -> set[str]:
    """Keeps requests in this order; returns the ids of those that were not there."""
    ids = [row["request_id"] for row in rows]
    known = set(
        connection.execute(sa.select(requests.c.request_id).where(requests.c.request_id.in_(ids))).scalars()
    )
    fresh = [row for row in rows if row["request_id"] not in known]
    if fresh:
        connection.execute(sa.insert(requests), list(fresh))
    return {row["request_id"] for row in fresh}


def put_asks(connection: Connection, rows: Sequence[Row]) -> None:
    """Keeps days of requests that stand in the ledger; their place in the order of asking is filled in."""
    ids = {row["request_id"] for row in rows}
    asked = sa.select(requests.c.request_id, requests.c.seq).where(requests.c.request_id.in_(ids))
    places = {row.request_id: row.seq for row in connection.execute(asked)}
    _insert_new(connection, asks, [{**row, "seq": places[row["request_id"]]} for row in rows])


def put_letters(connection: Connection, rows: Sequence[Row]) -> None:
    """Keeps dead letters in this order; a request has one at most."""
    _insert_new(connection, dead_letters, rows)


@dataclass(frozen=True, slots=True)
class KnownDay:
    """What the ledger knows of a day.

    Attributes:
        fetched_at: when the reading began that it knows of; None where it was never read.
        is_covered: all of the reading is known.
    """

    fetched_at: float | None
    checksum_sha256: str | None
    proved: bool
    is_covered: bool


def known_days(connection: Connection, chat: str, first: dt.date, last: dt.date) -> dict[dt.date, KnownDay]:
    """Returns what is known of the days of a chat between two days, both included."""
    found = connection.execute(
        sa.select(
            days.c.date,
            days.c.fetched_at,
            days.c.checksum_sha256,
            days.c.proved,
            days.c.coverage.is_not(None),
        ).where(days.c.chat == chat, days.c.date >= first, days.c.date <= last)
    )
    return {row[0]: KnownDay(*row[1:]) for row in found}


def replace_days(connection: Connection, chat: str, rows: Sequence[Row]) -> None:
    """Keeps what the files of days say, whatever was known of them; all rows with the same columns."""
    values = [{**row, "chat": chat, "updated_at": now()} for row in rows]
    if values:
        _put_days(connection, values)


def end_quietly(connection: Connection, chat: str, read: Mapping[dt.date, float]) -> int:
    """Ends open asks for days that were read after they were asked for; nobody is told of it again.

    Args:
        connection: in a transaction that writes.
        chat: the chat's key.
        read: day -> when its reading began, in seconds since 1970.

    Returns:
        How many asks ended.
    """
    waiting = connection.execute(
        sa.select(asks.c.request_id, asks.c.date, requests.c.received_at)
        .join(requests, requests.c.request_id == asks.c.request_id)
        .where(asks.c.chat == chat, asks.c.date.in_(list(read)), asks.c.state == "open")
    ).all()
    ended = [
        EndedAsk(request_id=request_id, chat=chat, date=day, end="fetched", event_id=None)
        for request_id, day, received_at in waiting
        if received_at <= read[day]
    ]
    end_many(connection, ended, at=now())
    return len(ended)


def chats_known(connection: Connection) -> set[str]:
    """Returns the keys of all chats, removed ones, too."""
    return set(connection.execute(sa.select(chats.c.key)).scalars())


def _put_days(connection: Connection, values: list[dict[str, Any]]) -> None:
    insert = insert_into(connection, days)
    changed = {name: insert.excluded[name] for name in values[0] if name not in {"chat", "date"}}
    connection.execute(insert.on_conflict_do_update(index_elements=["chat", "date"], set_=changed), values)


def _insert_new(connection: Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(insert_into(connection, table).on_conflict_do_nothing(), list(rows))
