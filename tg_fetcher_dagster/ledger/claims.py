"""Handfuls of commands that left Redis. Every function works inside the caller's transaction."""

from collections.abc import Collection

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.tables import claims


def is_known(connection: Connection, token: str) -> bool:
    """True where a handful stands in `requests` already."""
    return connection.execute(sa.select(claims.c.token).where(claims.c.token == token)).first() is not None


def note(connection: Connection, token: str, at: float) -> None:
    """Notes a handful, in the transaction that writes its requests."""
    connection.execute(sa.insert(claims).values(token=token, epoch=0, claimed_at=at))


def known(connection: Connection, tokens: Collection[str]) -> set[str]:
    """Returns which handfuls stand in `requests` already."""
    return set(connection.execute(sa.select(claims.c.token).where(claims.c.token.in_(tokens))).scalars())


def note_all(connection: Connection, tokens: Collection[str], at: float) -> None:
    """Notes many handfuls, as `note` does one."""
    if tokens:
        rows = [{"token": token, "epoch": 0, "claimed_at": at} for token in tokens]
        connection.execute(sa.insert(claims), rows)


def forget(connection: Connection, before: float) -> int:
    """Removes handfuls of before a moment; returns how many."""
    return connection.execute(sa.delete(claims).where(claims.c.claimed_at < before)).rowcount
