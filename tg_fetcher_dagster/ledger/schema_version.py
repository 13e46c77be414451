"""Which version of the tables this program works with; light, so that opening a ledger loads no Alembic."""

import sqlalchemy as sa

from tg_fetcher_dagster.errors import ErrorType, FetchError

PRESENT = "0002"
"""The newest migration in `migrations/versions`; a test holds it to that."""

KNOWN = frozenset({"0001", PRESENT})
"""All migrations of this program."""


def require_present_schema(connection: sa.Connection, where: str) -> None:
    """Checks that the tables are those that this program works with.

    Raises:
        FetchError: (validation) they are older (one step brings them up to date), newer, or not there.
    """
    found = version_of(connection)
    if found == PRESENT:
        return
    if found is None or found in KNOWN:
        raise FetchError(
            ErrorType.VALIDATION, f"the ledger {where} is not up to date: run tg-fetcher ledger migrate"
        )
    raise FetchError(
        ErrorType.VALIDATION,
        f"the ledger {where} was written by a newer version (its tables are {found}, here they are"
        f" {PRESENT}): use that version, or restore a backup of before",
    )


def version_of(connection: sa.Connection) -> str | None:
    """Returns the migration that a database stands at; None where there are no tables yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
