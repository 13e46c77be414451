"""Whether an account may be used now, as far as the ledger knows. Works inside the caller's transaction."""

from dataclasses import dataclass
from typing import Final

import orjson
import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.tables import accounts

WHOLE_ACCOUNT: Final = "*"
"""Among an account's floods the one that every request meets."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """What stands in the way of an account's use.

    Attributes:
        quarantine_reason: None where an operator need not act.
        rests_until: of a flood that every request meets; seconds since 1970, 0 where there is none.
    """

    quarantine_reason: str | None
    rests_until: float


def find(connection: Connection, name: str) -> AccountState | None:
    """Returns an account's state; None where nothing was ever noted of it."""
    row = connection.execute(
        sa.select(accounts.c.quarantine_reason, accounts.c.floods).where(accounts.c.name == name)
    ).first()
    return AccountState(row[0], _rests_until(row[1])) if row else None


def _rests_until(floods: str) -> float:
    try:
        known = orjson.loads(floods)
    except orjson.JSONDecodeError:
        return 0.0
    until = known.get(WHOLE_ACCOUNT) if isinstance(known, dict) else None
    return float(until) if isinstance(until, int | float) and not isinstance(until, bool) else 0.0
