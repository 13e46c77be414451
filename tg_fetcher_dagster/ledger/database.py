"""The ledger's database: opened, read, written. SQLite in one file, or Postgres by LEDGER_URL.

Nobody waits for a network inside a transaction.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.folders import CLOSED, PRIVATE, make_folder
from tg_fetcher_dagster.ledger.engines import BUSY_SECONDS, WRITES, engine_of
from tg_fetcher_dagster.ledger.file_system import require_local
from tg_fetcher_dagster.ledger.schema_version import require_present_schema

Connection = sa.Connection
"""What the queries take; the rest of the program gets it from here, since it speaks no SQL."""

BEFORE_THE_LEDGER = (".chats", ".outbox")
"""Folders of a DATA_DIR's layout of before: `tg-fetcher ledger migrate` takes it over."""


_AFTER: Final = "after_commit"
"""Under which a connection keeps what is called once its transaction is durable."""


class Ledger:
    """One open ledger, safe for threads; it raises `FetchError` (storage) where the database refuses."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Self:
        """Opens a ledger that is there; an SQLite file that is not there yet is made.

        Raises:
            FetchError: (validation) the URL is none, or the tables are older or newer than this program;
                (storage) the database cannot be reached.
        """
        where = checked_url(url)
        made = where.get_backend_name() != "sqlite" or Path(str(where.database)).exists()
        ledger = cls(engine_of(where)) if made else None
        try:
            if ledger is None or ledger.is_unmade_file():
                _refuse_before_takeover(where)
                from tg_fetcher_dagster.ledger.schema import make_ledger  # noqa: PLC0415 - Alembic loads slowly

                make_ledger(url)
            ledger = ledger or cls(engine_of(where))
            with ledger.read() as connection:
                require_present_schema(connection, shown(where))
        except BaseException:
            if ledger is not None:
                ledger.close()
            raise
        return ledger

    @classmethod
    def open_made(cls, url: str) -> Self:
        """Opens a ledger for a look: one that is not there yet is not made.

        Raises:
            FetchError: (validation) the URL is none, or the tables are older or newer than this program;
                (storage) there is none yet, or the database cannot be reached.
        """
        where = checked_url(url)
        if where.get_backend_name() == "sqlite" and not Path(str(where.database)).exists():
            raise FetchError(ErrorType.STORAGE, f"the ledger {shown(where)}: there is none yet")
        ledger = cls(engine_of(where))
        try:
            with ledger.read() as connection:
                require_present_schema(connection, shown(where))
        except BaseException:
            ledger.close()
            raise
        return ledger

    @property
    def engine(self) -> sa.Engine:
        """The engine, for migrations and backups."""
        return self._engine

    @property
    def is_sqlite(self) -> bool:
        """True where it is one file of this host."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Gives a connection that sees one moment; keep it short, a reader keeps the log from shrinking."""
        with database_failures(self._engine.url), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Gives a transaction that is committed at the end of the block, or undone by any exception."""
        with database_failures(self._engine.url), self._engine.connect() as connection:
            writing = connection.execution_options(**{WRITES: True})
            done: list[Callable[[], object]] = []
            writing.info[_AFTER] = done
            with writing.begin():
                yield writing
        for call in done:
            call()

    def is_unmade_file(self) -> bool:
        """True for an SQLite file that another process is just about to fill."""
        if not self.is_sqlite:
            return False
        with self.read() as connection:
            return not sa.inspect(connection).get_table_names()

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def after_commit(connection: sa.Connection, call: Callable[[], object]) -> None:
    """Calls once the transaction is durable; never where it is undone. For what is said of it, in a log."""
    connection.info[_AFTER].append(call)


def checked_url(url: str) -> URL:
    """Returns the URL of an SQLite file or of Postgres.

    Raises:
        FetchError: (validation) it is something else.
    """
    allowed = "sqlite:////path/of/ledger.sqlite or postgresql://user:password@host/database"
    try:
        where = make_url(url)
    except (SQLAlchemyError, ValueError):  # a port that is no number is a ValueError with what stands there
        where = None
    # The end of a password with an @ in it, which is written %40, would be taken for the host's name.
    if where is None or "@" in (where.host or ""):
        raise FetchError(ErrorType.VALIDATION, f"setting LEDGER_URL: no URL; allowed is {allowed}") from None
    if where.get_backend_name() == "sqlite" and where.database:
        return where
    if where.get_backend_name() == "postgresql":
        return where.set(drivername="postgresql+psycopg")
    raise FetchError(ErrorType.VALIDATION, f"setting LEDGER_URL={shown(where)}: allowed is {allowed}")


def file_of(url: str) -> Path | None:
    """Returns the file of a ledger in SQLite; None for a server.

    Raises:
        FetchError: (validation) the URL is none.
    """
    where = checked_url(url)
    return Path(str(where.database)) if where.get_backend_name() == "sqlite" else None


def shown(where: URL) -> str:
    """Returns the URL as it may be shown: without its password, wherever that stands."""
    secret = {name: "hidden" for name in where.query if "password" in name.lower()}
    return where.update_query_dict(secret).render_as_string(hide_password=True)


def make_file(where: URL) -> None:
    """Makes an SQLite file that only its owner reads; nothing where there is one, or a server.

    Raises:
        FetchError: (storage) the folder cannot be written.
    """
    if where.get_backend_name() != "sqlite":
        return
    path = Path(str(where.database))
    require_local(path)
    try:
        # DATA_DIR may be made here first: closed to others, until `Store.prepare` says more (DATA_FILE_MODE).
        make_folder(path.parent.parent, mode=CLOSED)
        make_folder(path.parent, mode=PRIVATE)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise FetchError(ErrorType.STORAGE, f"the ledger {path} cannot be made: {error.strerror}") from error


def not_taken_over(data_dir: Path) -> FetchError:
    """Returns the refusal to work in a DATA_DIR of the layout of before."""
    return FetchError(
        ErrorType.VALIDATION,
        f"{data_dir} has the layout of an older version: run tg-fetcher ledger migrate",
    )


def _refuse_before_takeover(where: URL) -> None:
    """Refuses to begin with an empty ledger where an older version knew something."""
    folder = Path(str(where.database)).parent.parent
    if any((folder / name).exists() for name in BEFORE_THE_LEDGER):
        raise not_taken_over(folder)


@contextmanager
def database_failures(where: URL) -> Iterator[None]:
    """Turns what a database refuses into a `FetchError` (storage) of one line."""
    try:
        yield
    except DBAPIError as error:
        raise FetchError(ErrorType.STORAGE, f"the ledger {shown(where)}: {_said(error)}") from error
    except PoolTimeout as error:
        raise FetchError(
            ErrorType.STORAGE, f"the ledger {shown(where)}: all its connections are taken"
        ) from error


_ADVICE = {
    "SQLITE_FULL": "the disk is full: free some space there",
    "SQLITE_READONLY": "it is read-only: let this user write there, or mount it for writing",
    "SQLITE_CANTOPEN": "it cannot be opened: let this user read and write there",
    "SQLITE_BUSY": f"another process has kept it for over {BUSY_SECONDS:.0f} s: try again",
    "SQLITE_NOTADB": "it is no SQLite file, or damaged: restore a backup, or put it aside and run"
    " tg-fetcher ledger rebuild",
    "SQLITE_CORRUPT": "it is damaged: restore a backup, or put it aside and run tg-fetcher ledger rebuild",
    "SQLITE_IOERR": "the disk reported an error: it is full, or a limit (ulimit -f) is reached, or it fails",
}
"""By the beginning of SQLite's name of an error (sqlite.org, "Result and Error Codes")."""


def _said(error: DBAPIError) -> str:
    """What a database said, in one line, and what to do."""
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    for beginning, advice in _ADVICE.items():
        if name.startswith(beginning):
            return advice
    said = str(error.orig).strip().splitlines()
    return said[0] if said else str(error)


def now() -> float:
    """Returns the present moment as the ledger keeps moments: seconds since 1970."""
    return time.time()
