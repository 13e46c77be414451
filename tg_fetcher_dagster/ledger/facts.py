"""Single values that the ledger remembers. Every function works inside the caller's transaction.

A value that cannot be read counts as none: what it was for begins anew, and no tick ends by it.
"""

import math
from typing import Any

import orjson
import sqlalchemy as sa

from tg_fetcher_dagster.ledger.tables import facts
from tg_fetcher_dagster.ledger.upsert import upsert


def fact(connection: sa.Connection, name: str) -> str | None:
    """Returns a value; None where nobody has kept one under that name."""
    return connection.execute(sa.select(facts.c.value).where(facts.c.name == name)).scalar_one_or_none()


def number_fact(connection: sa.Connection, name: str) -> float:
    """Returns a number; 0 where there is none, or it is damaged."""
    try:
        kept = float(fact(connection, name) or 0)
    except ValueError:
        return 0.0
    return kept if math.isfinite(kept) else 0.0


def object_fact(connection: sa.Connection, name: str) -> dict[str, Any]:
    """Returns a JSON object; an empty one where there is none, or it is damaged."""
    try:
        kept = orjson.loads(fact(connection, name) or "{}")
    except orjson.JSONDecodeError:
        return {}
    return kept if isinstance(kept, dict) else {}


def keep_fact(connection: sa.Connection, name: str, value: str) -> None:
    """Keeps a value in place of the one before."""
    connection.execute(upsert(connection, facts, {"name": name, "value": value}, by=("name",)))
