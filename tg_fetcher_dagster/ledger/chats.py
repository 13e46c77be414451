"""Who the chats are, and what led to none. Every function works inside the caller's transaction.

Whoever keeps a copy of the chats compares `chats_version`, which every change of a chat makes anew.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.facts import fact, keep_fact
from tg_fetcher_dagster.ledger.tables import chats, days, facts, unresolved
from tg_fetcher_dagster.ledger.upsert import upsert

_VERSION = "chats_version"


@dataclass(frozen=True, slots=True)
class ChatRow:
    """One chat as it stands in the table.

    Attributes:
        identity: the JSON of `chats.identity.ChatIdentity`.
        paused: the schedules leave it out.
        is_forgotten: it was removed; the row keeps its key.
    """

    key: str
    marked_id: int
    identity: str
    paused: bool
    is_forgotten: bool


@dataclass(frozen=True, slots=True)
class UnresolvedRow:
    """Why a spelling led to no chat the last time; `at` and `retry_after` in seconds."""

    error_type: str
    error: str
    at: float
    retry_after: float | None


def chats_version(connection: sa.Connection) -> str | None:
    """Returns what is another text after each change of a chat; None before the first one."""
    return fact(connection, _VERSION)


def all_chats(connection: sa.Connection) -> list[ChatRow]:
    """Returns every chat, forgotten ones too, by key."""
    found = connection.execute(
        sa.select(
            chats.c.key,
            chats.c.marked_id,
            chats.c.identity,
            chats.c.paused,
            chats.c.forgotten_at.is_not(None).label("is_forgotten"),
        ).order_by(chats.c.key)
    )
    return [ChatRow(*row) for row in found]


def lock_chats(connection: sa.Connection) -> None:
    """Lets one transaction at a time go from reading the chats to writing them.

    One of SQLite that writes is alone anyway; of Postgres the row of the version is locked.
    """
    if connection.dialect.name == "sqlite":
        return
    if fact(connection, _VERSION) is None:
        keep_fact(connection, _VERSION, uuid.uuid4().hex)
    connection.execute(sa.select(facts.c.value).where(facts.c.name == _VERSION).with_for_update())


def put_chat(connection: sa.Connection, key: str, *, marked_id: int, identity: str, paused: bool) -> None:
    """Keeps a chat under its key, also where a forgotten one had it; whether it can be read stays."""
    row = {
        "key": key,
        "marked_id": marked_id,
        "identity": identity,
        "paused": paused,
        "forgotten_at": None,
        "updated_at": now(),
    }
    connection.execute(upsert(connection, chats, row, by=("key",)))
    chats_changed(connection)


def forget_chat(connection: sa.Connection, key: str) -> bool:
    """Marks a chat as removed; returns False where none that is kept has this key."""
    gone = sa.update(chats).where(chats.c.key == key, chats.c.forgotten_at.is_(None))
    values = {"forgotten_at": now(), "updated_at": now(), **_READABLE}
    was_there = connection.execute(gone.values(values)).rowcount > 0
    if was_there:
        chats_changed(connection)
    return was_there


def has_days(connection: sa.Connection, key: str) -> bool:
    """True where something is known of a day under this key."""
    return connection.execute(sa.select(days.c.date).where(days.c.chat == key).limit(1)).first() is not None


def put_unresolved(connection: sa.Connection, spelling: str, row: UnresolvedRow) -> None:
    """Keeps why a spelling led to no chat."""
    values = {
        "spelling": spelling,
        "error_type": row.error_type,
        "error": row.error,
        "at": row.at,
        "retry_after": row.retry_after,
    }
    connection.execute(upsert(connection, unresolved, values, by=("spelling",)))


def unresolved_of(connection: sa.Connection, spellings: list[str]) -> dict[str, UnresolvedRow]:
    """Returns why spellings led to no chat; those that did, or were never asked for, are left out."""
    found: dict[str, UnresolvedRow] = {}
    for first in range(0, len(spellings), _IN_ONE_QUERY):
        part = spellings[first : first + _IN_ONE_QUERY]
        rows = connection.execute(sa.select(unresolved).where(unresolved.c.spelling.in_(part)))
        found |= {
            row.spelling: UnresolvedRow(row.error_type, row.error, row.at, row.retry_after) for row in rows
        }
    return found


def drop_unresolved(connection: sa.Connection, spellings: list[str]) -> None:
    """Forgets that spellings led to no chat: they do now."""
    connection.execute(sa.delete(unresolved).where(unresolved.c.spelling.in_(spellings)))


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A chat that the account may not read, or that is gone; moments in seconds since 1970."""

    key: str
    error_type: str
    why: str
    since: float
    ask_again_at: float


_READABLE = {"refused_type": None, "refused_why": None, "refused_since": None, "ask_again_at": None}

_REFUSED = sa.select(
    chats.c.key,
    chats.c.refused_type,
    chats.c.refused_why,
    chats.c.refused_since,
    chats.c.ask_again_at,
).where(chats.c.refused_type.is_not(None))

_IN_ONE_QUERY = 500
"""SQLite took 999 values in a query before its version 3.32."""


def refused_chats(connection: sa.Connection) -> dict[str, RefusedRow]:
    """Returns the kept chats that cannot be read, by key."""
    found = connection.execute(_REFUSED.where(chats.c.forgotten_at.is_(None)))
    return {row.key: RefusedRow(*row) for row in found}


def refused_chat(connection: sa.Connection, key: str) -> RefusedRow | None:
    """Returns why a chat cannot be read; None where it can, or none has this key."""
    found = connection.execute(_REFUSED.where(chats.c.key == key)).first()
    return RefusedRow(*found) if found is not None else None


def put_refused(connection: sa.Connection, row: RefusedRow) -> None:
    """Keeps that a chat cannot be read; nothing where none has this key."""
    connection.execute(
        sa.update(chats)
        .where(chats.c.key == row.key)
        .values(
            refused_type=row.error_type,
            refused_why=row.why,
            refused_since=row.since,
            ask_again_at=row.ask_again_at,
            updated_at=now(),
        )
    )


def asked_again(connection: sa.Connection, keys: Collection[str], *, until: float) -> None:
    """Keeps that chats which cannot be read are asked for now, and not again before a moment."""
    if keys:
        connection.execute(sa.update(chats).where(chats.c.key.in_(keys)).values(ask_again_at=until))


def drop_refused(connection: sa.Connection, key: str) -> bool:
    """A chat can be read; returns False where that is nothing new."""
    readable = sa.update(chats).where(chats.c.key == key, chats.c.refused_type.is_not(None))
    return connection.execute(readable.values({**_READABLE, "updated_at": now()})).rowcount > 0


def chats_changed(connection: sa.Connection) -> None:
    """Tells whoever keeps a copy of the chats that it is an old one."""
    # No counter: after a backup was put back it would count up to numbers that others have seen already.
    keep_fact(connection, _VERSION, uuid.uuid4().hex)
