"""Chats that cannot be read, and when they are asked for again. Works inside the caller's transaction."""

from collections.abc import Collection

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.tables import chats


def refused(connection: Connection, keys: Collection[str]) -> dict[str, float]:
    """Returns the chats among these that cannot be read, and from when they are asked for again."""
    found = connection.execute(
        sa.select(chats.c.key, chats.c.ask_again_at).where(
            chats.c.key.in_(keys), chats.c.refused_type.is_not(None)
        )
    )
    return {key: again or 0.0 for key, again in found}


def asked_again(connection: Connection, keys: Collection[str], *, until: float) -> None:
    """Notes that chats which cannot be read are asked for, and not again before a moment."""
    if keys:
        connection.execute(sa.update(chats).where(chats.c.key.in_(keys)).values(ask_again_at=until))
