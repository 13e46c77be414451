"""What is known of accounts beside their sessions. Every function works inside the caller's transaction."""

from dataclasses import dataclass

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.tables import accounts
from tg_fetcher_dagster.ledger.upsert import upsert


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account by its name.

    Attributes:
        user_id: the Telegram user that signed in last.
        quarantine_reason: why it is not used; None where it may be.
        quarantined_at: seconds since 1970.
        floods: JSON: from a method to until when it rests, in seconds since 1970.
    """

    name: str
    user_id: int | None
    quarantine_reason: str | None
    quarantined_at: float | None
    floods: str


_ROW = sa.select(
    accounts.c.name,
    accounts.c.user_id,
    accounts.c.quarantine_reason,
    accounts.c.quarantined_at,
    accounts.c.floods,
)


def account_of(connection: sa.Connection, name: str) -> AccountRow | None:
    """Returns what is known of an account; None where nothing is."""
    found = connection.execute(_ROW.where(accounts.c.name == name)).first()
    return AccountRow(*found) if found is not None else None


def put_floods(connection: sa.Connection, name: str, floods: str) -> None:
    """Keeps an account's flood deadlines in place of those before."""
    row = {"name": name, "floods": floods, "updated_at": now()}
    connection.execute(upsert(connection, accounts, row, by=("name",)))


def put_quarantine(connection: sa.Connection, name: str, reason: str, at: float) -> None:
    """Keeps why an account is not used, and since when."""
    row = {"name": name, "quarantine_reason": reason, "quarantined_at": at, "updated_at": now()}
    connection.execute(upsert(connection, accounts, row, by=("name",)))


def put_signed_in(connection: sa.Connection, name: str, user_id: int | None) -> None:
    """Lifts an account's quarantine; another user than before has none of its flood deadlines either."""
    before = account_of(connection, name)
    row: dict[str, object] = {"name": name, "quarantine_reason": None, "quarantined_at": None}
    if before is not None and before.user_id not in {None, user_id}:
        row["floods"] = "{}"
    row |= {"user_id": user_id, "updated_at": now()}
    connection.execute(upsert(connection, accounts, row, by=("name",)))


def drop_floods(connection: sa.Connection, name: str) -> bool:
    """Forgets an account's flood deadlines; False where nothing is known of it."""
    forgotten = sa.update(accounts).where(accounts.c.name == name).values(floods="{}", updated_at=now())
    return connection.execute(forgotten).rowcount > 0


def drop_account(connection: sa.Connection, name: str) -> bool:
    """Forgets an account; False where nothing is known of it."""
    return connection.execute(sa.delete(accounts).where(accounts.c.name == name)).rowcount > 0
