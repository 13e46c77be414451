"""Insert or update in one statement, which SQLAlchemy spells differently for each database."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import sqlalchemy as sa


def upsert(
    connection: sa.Connection, table: sa.Table, row: Mapping[str, Any], *, by: Sequence[str]
) -> sa.Insert:
    """Returns the statement that makes a row or changes the one with the same key.

    Args:
        connection: of the database that it is for.
        table: where.
        row: all columns to set.
        by: the key's columns.
    """
    changed = {name: value for name, value in row.items() if name not in by}
    statement: sa.Insert = (
        insert_into(connection, table)
        .values(**row)
        .on_conflict_do_update(index_elements=list(by), set_=changed)
    )
    return statement


def insert_into(connection: sa.Connection, table: sa.Table) -> Any:  # noqa: ANN401 - of either database
    """Returns an INSERT that knows ON CONFLICT, in the words of the connection's database."""
    # Only the dialect that is in use is loaded: the other would be a part of every command's start.
    return import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert(table)
