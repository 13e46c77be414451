"""The one step that makes a ledger's tables or brings them up to date, over Alembic.

Safe when several processes take it at once: a file lock beside an SQLite file, an advisory lock of Postgres.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from filelock import FileLock
from sqlalchemy.engine import URL

from tg_fetcher_dagster.ledger.database import (
    checked_url,
    database_failures,
    make_file,
    shown,
)
from tg_fetcher_dagster.ledger.engines import engine_of
from tg_fetcher_dagster.ledger.schema_version import KNOWN, PRESENT, require_present_schema, version_of

_LOCK_NUMBER = 7_402_113
"""Of Postgres' advisory lock; any number of our own."""


def make_ledger(url: str) -> str | None:
    """Makes the tables or brings them up to date; returns the version that was there, None for none.

    Raises:
        FetchError: (validation) the URL is none, or the tables are newer than this program; (storage) the
            database refuses.
    """
    where = checked_url(url)
    make_file(where)
    engine = engine_of(where)
    try:
        with _alone(where), database_failures(where), engine.connect() as connection:
            if not _is_sqlite(where):
                connection.execute(sa.text("SELECT pg_advisory_lock(:n)"), {"n": _LOCK_NUMBER})
                connection.commit()
            with connection.begin():
                before = version_of(connection)
                if before is not None and before not in KNOWN:
                    require_present_schema(connection, shown(where))
                if before != PRESENT:
                    _upgrade(connection)
            return before
    finally:
        engine.dispose()


def _is_sqlite(where: URL) -> bool:
    return where.get_backend_name() == "sqlite"


@contextmanager
def _alone(where: URL) -> Iterator[None]:
    if not _is_sqlite(where):
        yield  # the advisory lock goes with the connection
        return
    path = Path(str(where.database))
    with FileLock(path.with_name(f"{path.name}.lock"), mode=0o600, timeout=60):
        yield


def _upgrade(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
