"""How a database is connected to: SQLite in one file, or Postgres, and how long anybody waits for another.

Writes of SQLite take the write lock when they begin (`BEGIN IMMEDIATE`), so that two processes wait for each
other instead of failing half-way; `synchronous=FULL` keeps what was told through a power cut (sqlite.org,
"PRAGMA synchronous", "Write-Ahead Logging").
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

from tg_fetcher_dagster.ledger.file_system import require_local

BUSY_SECONDS = 30.0
"""How long a write of SQLite waits for another process's; theirs take milliseconds."""

CONNECT_SECONDS = 10
"""How long Postgres may take to answer at first; a host that is cut off would be waited for for minutes."""

STANDS_STILL = 60.0
"""Seconds after which Postgres undoes what a process that stands still (a stopped machine) has begun: others
wait for what it has locked."""

LOG_BYTES = 64 * 1024 * 1024
"""What stays of the log of SQLite when nobody reads an older moment any more: a reader that is open for long
keeps all that is written meanwhile in it (sqlite.org, "Write-Ahead Logging", 6.)."""

WRITES = "ledger_writes"
"""The option of a connection that says that its transaction writes."""


def engine_of(where: URL, *, pool_timeout: float = BUSY_SECONDS) -> sa.Engine:
    """Returns an engine for a checked URL; a thread waits so many seconds for one of its connections."""
    if where.get_backend_name() != "sqlite":
        engine = sa.create_engine(
            where,
            pool_size=2,
            max_overflow=3,
            pool_pre_ping=True,
            pool_timeout=pool_timeout,
            connect_args={"connect_timeout": CONNECT_SECONDS} if "connect_timeout" not in where.query else {},
        )
        sa.event.listen(engine, "connect", _bound_waits)
        return engine
    require_local(Path(str(where.database)))
    engine = sa.create_engine(where, connect_args={"timeout": BUSY_SECONDS}, pool_timeout=pool_timeout)
    sa.event.listen(engine, "connect", _prepare_connection)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare_connection(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's own
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin` does
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"journal_size_limit={LOG_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _bound_waits(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's own
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {BUSY_SECONDS * 1000:.0f}")
        cursor.execute(f"SET idle_in_transaction_session_timeout = {STANDS_STILL * 1000:.0f}")
    connection.commit()


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
