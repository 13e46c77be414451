"""Single values that the ledger remembers. Every function works inside the caller's transaction."""

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.tables import facts
from tg_fetcher_dagster.ledger.upsert import upsert


def fact(connection: sa.Connection, name: str) -> str | None:
    """Returns a value; None where nobody has kept one under that name."""
    return connection.execute(sa.select(facts.c.value).where(facts.c.name == name)).scalar_one_or_none()


def keep_fact(connection: sa.Connection, name: str, value: str) -> None:
    """Keeps a value in place of the one before."""
    connection.execute(upsert(connection, facts, {"name": name, "value": value}, by=("name",)))
