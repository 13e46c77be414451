"""Troubles that last and are waited for. Every function works inside the caller's transaction.

A row is there while the trouble lasts, so that it is said once when it begins and once when it ends, by
whichever process sees that first.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.tables import conditions


@dataclass(frozen=True, slots=True)
class Condition:
    """A trouble that lasts.

    Attributes:
        name: what is in trouble, for instance `redis`.
        why: the last reason, one line.
        since: when it began, in seconds since 1970.
        until: when it is expected to end; None where nobody knows.
        count: how often it was met.
    """

    name: str
    why: str
    since: float
    until: float | None
    count: int


def condition_begins(connection: sa.Connection, name: str, why: str, *, until: float | None = None) -> bool:
    """Notes that a trouble was met; returns True where it was not there before."""
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = (
        insert(conditions)
        .values(name=name, why=why, since=now(), until=until)
        .on_conflict_do_update(
            index_elements=["name"], set_={"why": why, "until": until, "count": conditions.c.count + 1}
        )
        .returning(conditions.c.count)
    )
    return bool(connection.execute(statement).scalar_one() == 1)


def condition_ends(connection: sa.Connection, name: str) -> Condition | None:
    """Forgets a trouble that has passed; returns it, None where there was none."""
    gone = sa.delete(conditions).where(conditions.c.name == name).returning(*conditions.c)
    found = connection.execute(gone).mappings().first()
    return Condition(**found) if found else None


def standing_conditions(connection: sa.Connection) -> list[Condition]:
    """Returns the troubles that last now, the oldest first."""
    found = connection.execute(sa.select(conditions).order_by(conditions.c.since))
    return [Condition(**row) for row in found.mappings()]
