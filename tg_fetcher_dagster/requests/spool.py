"""Commands as files: `{DATA_DIR}/.spool/*.json`, one each, for those who have no Redis.

A writer renames a whole file into its place, so that nobody reads half of one. Files are taken in the order
of their names and removed once they stand in the ledger; a kill in between doubles nothing, since a file is
known by its name, inode, size and time.
"""

import hashlib
import os
import stat
import time
import uuid
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from tg_fetcher_dagster.durable_files import write_whole
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import claims, requests
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.requests.received import received_row

log = structlog.get_logger(__name__)

FOLDER: Final = ".spool"
HANDFUL: Final = 500
LONGEST_READ: Final = 16 * 1024 * 1024
"""Bytes of a file that are looked at; what is longer is junk, and its beginning tells whose."""


def put(data_dir: Path, command: dict[str, Any]) -> Path:
    """Writes a command into the spool folder; returns its file.

    Raises:
        FetchError: (storage) the folder cannot be written.
    """
    file = data_dir / FOLDER / f"{time.time_ns():020d}-{uuid.uuid4().hex}.json"
    write_whole(file, orjson.dumps(command))
    return file


def left_in(data_dir: Path) -> int:
    """Returns how many commands wait in the spool folder.

    Raises:
        FetchError: (storage) the folder cannot be read.
    """
    folder = data_dir / FOLDER
    try:
        return sum(_is_command(entry.name) for entry in os.scandir(folder))
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise FetchError(
            ErrorType.STORAGE, f"the spool folder {folder} cannot be read: {error.strerror}"
        ) from error


def oldest_in(data_dir: Path) -> tuple[int, float | None]:
    """Returns how many commands wait in the spool folder, and when the next one was put there.

    Raises:
        FetchError: (storage) the folder cannot be read.
    """
    folder = data_dir / FOLDER
    try:
        names = [entry.name for entry in os.scandir(folder) if _is_command(entry.name)]
        return (len(names), (folder / min(names)).stat().st_mtime) if names else (0, None)
    except FileNotFoundError:  # no folder yet, or the daemon has just taken the last one
        return 0, None
    except OSError as error:
        raise FetchError(
            ErrorType.STORAGE, f"the spool folder {folder} cannot be read: {error.strerror}"
        ) from error


def _is_command(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".")


class SpoolFolder:
    """The spool folder of one DATA_DIR, as a source of commands for one tick."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER
        self.notes: list[str] = []

    def take(self, ledger: Ledger, now: float, *, wait_seconds: float = 0) -> int:
        """Moves a handful of files into the ledger; returns how many commands, 0 where none are left.

        Raises:
            FetchError: (storage) the ledger refuses.
        """
        del wait_seconds  # another source is waited for; a folder is looked at
        files = self._files()
        if not files:
            return 0
        with ledger.read() as connection:
            known = claims.known(connection, files)
        # A folder may hang: its files are read before the transaction, for whose end others wait.
        fresh = {token: path for token, path in files.items() if token not in known}
        rows = {token: row for token, path in fresh.items() if (row := self._row(token, path, now))}
        with ledger.write() as connection:
            requests.lock_planning(connection)
            taken = rows.keys() - claims.known(connection, rows)
            claims.note_all(connection, taken, now)
            requests.insert(connection, [row for token, row in rows.items() if token in taken])
        for token, path in files.items():
            if token in known or token in rows:
                self._remove(path)
        return len(taken)

    def left(self) -> int:
        """Returns how many files wait in the folder; 0 where it cannot be read, which `notes` says."""
        return len(self._files())

    def show(self, ledger: Ledger, now: float) -> None:
        """Shows nothing: a folder tells by what is left in it."""

    def _files(self) -> dict[str, Path]:
        """The first files by their tokens, in the order of their names."""
        try:
            names = sorted(entry.name for entry in os.scandir(self._folder) if _is_command(entry.name))
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.notes.append(f"the spool folder {self._folder} cannot be read: {error.strerror}")
            return {}
        files: dict[str, Path] = {}
        for name in names:
            path = self._folder / name
            try:
                found = path.lstat()
            except OSError:
                continue  # another tick has just taken it
            if not stat.S_ISREG(found.st_mode):
                continue  # a link may lead anywhere, and a folder is no command
            known = f"{name}|{found.st_ino}|{found.st_size}|{found.st_mtime_ns}"
            files[f"spool-{hashlib.sha256(known.encode()).hexdigest()[:40]}"] = path
            if len(files) >= HANDFUL:
                break
        return files

    def _row(self, token: str, path: Path, now: float) -> dict[str, Any] | None:
        raw = self._read(path)
        if raw is None:
            return None
        return received_row(token, "spool", raw, sha256=hashlib.sha256(raw).hexdigest(), now=now)

    def _read(self, path: Path) -> bytes | None:
        try:
            with path.open("rb") as file:
                return file.read(LONGEST_READ)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.notes.append(f"the command in {path} cannot be read: {error.strerror}")
            return None

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            # It stands in the ledger under its token: the next tick finds it and does nothing.
            self.notes.append(f"{path} cannot be removed from the spool folder: {error.strerror}")
