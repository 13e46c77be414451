"""The identity table's files: `{DATA_DIR}/.chats/{key}.json`, one writer at a time, each file whole.

Beside them `.unresolved/` (why a spelling could not be resolved) and `.forgotten/` (chats that were removed:
their keys, and the files under them, stay theirs).
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from filelock import FileLock
from pydantic import BaseModel, ValidationError

from tg_fetcher_dagster.chats.identity import ChatIdentity, ResolveFailure
from tg_fetcher_dagster.errors import ErrorType, FetchError

_SETTLED_AFTER_NS = 100_000_000
"""A folder's time is only as fine as the kernel's tick: a younger one may hide a second change."""

_LOCK_SECONDS = 10.0


class IdentityFiles:
    """The files of one `DATA_DIR`."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / ".chats"
        self._unresolved = self._folder / ".unresolved"
        self._forgotten = self._folder / ".forgotten"
        self._seen: tuple[int, dict[str, ChatIdentity]] | None = None

    def read(self) -> dict[str, ChatIdentity]:
        """Returns all chats by key; the files are read again only after the folder has changed.

        Raises:
            FetchError: (storage) a file is damaged.
        """
        try:
            changed_at = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if self._seen is not None and self._seen[0] == changed_at:
            return self._seen[1]
        started_at = time.time_ns()
        known = {identity.key: identity for identity in _read_all(self._folder)}
        self._seen = (changed_at, known) if started_at - changed_at > _SETTLED_AFTER_NS else None
        return known

    @contextmanager
    def changing(self) -> Iterator[dict[str, ChatIdentity]]:
        """Gives what is known to the only writer; a disk that refuses becomes one line.

        Raises:
            FetchError: (storage) the table cannot be written, or a file is damaged.
        """
        try:
            self._unresolved.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / ".lock", timeout=_LOCK_SECONDS):
                self._seen = None
                yield self.read()
        except OSError as error:
            raise FetchError(
                ErrorType.STORAGE, f"the identity table {self._folder} cannot be written: {error}"
            ) from error
        finally:
            self._seen = None

    def write(self, identity: ChatIdentity) -> None:
        """Keeps a chat under its key."""
        _write(self._folder / f"{identity.key}.json", identity)

    def forget(self, key: str) -> None:
        """Puts a chat aside."""
        self._forgotten.mkdir(exist_ok=True)
        (self._folder / f"{key}.json").replace(self._forgotten / f"{key}.json")

    def forgotten(self) -> list[ChatIdentity]:
        """Returns the chats that were put aside."""
        return list(_read_all(self._forgotten))

    def failure(self, canonical: str) -> ResolveFailure | None:
        """Returns why a spelling could not be resolved the last time; None after a success."""
        try:
            return ResolveFailure.model_validate_json(self._failure_file(canonical).read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            return None  # written by another version: the next resolve writes it anew

    def write_failure(self, canonical: str, failure: ResolveFailure) -> None:
        """Keeps why a spelling could not be resolved."""
        _write(self._failure_file(canonical), failure)

    def drop_failure(self, canonical: str) -> None:
        """A spelling is resolved."""
        self._failure_file(canonical).unlink(missing_ok=True)

    def _failure_file(self, canonical: str) -> Path:
        return self._unresolved / f"{canonical}.json"


def _read_all(folder: Path) -> Iterator[ChatIdentity]:
    for path in sorted(folder.glob("[!.]*.json")):
        try:
            yield ChatIdentity.model_validate_json(path.read_bytes())
        except (ValidationError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise FetchError(ErrorType.STORAGE, f"{path} is no chat's identity: {reason}") from error


def _write(path: Path, value: BaseModel) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    body = orjson.dumps(value.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
    with temporary.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
