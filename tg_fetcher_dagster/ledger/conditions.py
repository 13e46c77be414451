"""Troubles that last and are waited for. Every function works inside the caller's transaction.

A row is there while the trouble lasts, so that the log says it when it begins, every few minutes and when it
ends, once each, by whichever process sees that first (docs/logs.md).
"""

from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Ledger, after_commit, now
from tg_fetcher_dagster.ledger.tables import conditions
from tg_fetcher_dagster.ledger.upsert import insert_into
from tg_fetcher_dagster.logs.lasting import AGAIN_AFTER, say_begins, say_goes_on, say_is_over


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


OF_ACCOUNT: Final = "account "
"""How the name of a trouble begins that is an account's own: it is shown with the account."""

_COLUMNS = [conditions.c[field.name] for field in fields(Condition)]


def condition_begins(connection: sa.Connection, name: str, why: str, *, until: float | None = None) -> bool:
    """Notes that a trouble was met; returns True where it was not there before."""
    moment = now()
    row = {"name": name, "why": why, "since": moment, "until": until, "said_at": moment}
    found: dict[str, Any] = {"why": why, "until": until, "count": conditions.c.count + 1}
    statement = (
        insert_into(connection, conditions)
        .values(row)
        .on_conflict_do_update(index_elements=["name"], set_=found)
        .returning(conditions.c.count)
    )
    begins = bool(connection.execute(statement).scalar_one() == 1)
    if begins:
        waits = until - moment if until is not None else None
        after_commit(connection, partial(say_begins, trouble=name, reason=why, wait_seconds=waits))
    return begins


def condition_ends(connection: sa.Connection, name: str) -> Condition | None:
    """Forgets a trouble that has passed; returns it, None where there was none."""
    gone = sa.delete(conditions).where(conditions.c.name == name).returning(*_COLUMNS)
    found = connection.execute(gone).mappings().first()
    if found is None:
        return None
    passed = Condition(**found)
    after_commit(
        connection,
        partial(
            say_is_over,
            trouble=name,
            reason=passed.why,
            duration_seconds=now() - passed.since,
            count=passed.count,
        ),
    )
    return passed


def set_condition(ledger: Ledger, name: str, why: str | None, *, until: float | None = None) -> None:
    """Notes whether a trouble stands, as one who looks again and again sees it.

    Args:
        ledger: where.
        name: what may be in trouble.
        why: None where all is well; then nothing is written where nothing stood.
        until: when it is expected to end (seconds since 1970).
    """
    if why is None:
        with ledger.read() as connection:
            if not any(each.name == name for each in standing_conditions(connection)):
                return
    with ledger.write() as connection:
        if why is None:
            condition_ends(connection, name)
        else:
            condition_begins(connection, name, why, until=until)


def say_again(ledger: Ledger) -> None:
    """Says those troubles once more that were not said for a while, whoever meets them or nobody."""
    moment = now()
    due = conditions.c.said_at < moment - AGAIN_AFTER
    with ledger.read() as connection:
        if not connection.execute(sa.select(conditions.c.name).where(due).limit(1)).first():
            return
    with ledger.write() as connection:
        said = sa.update(conditions).where(due).values(said_at=moment).returning(*_COLUMNS)
        for row in connection.execute(said).mappings().all():
            each = Condition(**row)
            after_commit(
                connection,
                partial(
                    say_goes_on,
                    trouble=each.name,
                    reason=each.why,
                    duration_seconds=moment - each.since,
                    count=each.count,
                    wait_seconds=each.until - moment if each.until is not None else None,
                ),
            )


def standing_conditions(connection: sa.Connection) -> list[Condition]:
    """Returns the troubles that last now, the oldest first."""
    found = connection.execute(sa.select(*_COLUMNS).order_by(conditions.c.since))
    return [Condition(**row) for row in found.mappings()]
