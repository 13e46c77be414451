"""A copy of the ledger while others write it, by SQLite's own online backup (sqlite.org, "Backup API")."""

import contextlib
import os
import sqlite3
from pathlib import Path

from tg_fetcher_dagster.durable_files import Draft, storage_failures
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.folders import sync_folder
from tg_fetcher_dagster.ledger.database import Ledger

PAGES = -1
"""At once: a copy in steps begins anew after each write of another process, and may never end."""


def back_up(ledger: Ledger, target: Path) -> int:
    """Writes a whole copy of an SQLite ledger, of one moment; returns its size in bytes.

    Others go on writing meanwhile: the copy reads beside them.

    Args:
        ledger: an SQLite one.
        target: a file that is not there yet; only its owner may read it.

    Raises:
        FetchError: (validation) it is no SQLite file, or the target is there already; (storage) the disk
            refuses, and nothing is left behind.
    """
    if not ledger.is_sqlite:
        raise FetchError(
            ErrorType.VALIDATION, "the ledger is Postgres: back it up with pg_dump --format=custom LEDGER_URL"
        )
    if target.exists():
        raise FetchError(ErrorType.VALIDATION, f"{target} is there already: name a new file")
    with storage_failures(target), Draft(target, mode=0o600) as draft:
        try:
            _copy(Path(str(ledger.engine.url.database)).absolute(), draft.path)
        except sqlite3.Error as error:
            raise FetchError(ErrorType.STORAGE, f"cannot write {target}: {error}") from error
        descriptor = os.open(draft.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        draft.publish()
        sync_folder(target.parent)
    return size


def _copy(source: Path, target: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as reading,
        contextlib.closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing, pages=PAGES)
        # One file, without a log beside it: who restores it copies one file.
        writing.execute("PRAGMA journal_mode=DELETE")
