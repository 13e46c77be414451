"""Messages that a walk met out of their order, kept until their day has them.

A walk over one day may meet a message of another one: an imported message under a new id, two seconds around
midnight. It is written here, durably, before the walk goes on, so that no kill loses it; the day takes it in
when it is next made, or is opened again for it. It stays known after that: a later walk over the day alone
does not come where it stands, and must not take it for deleted.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Self

import orjson

from tg_fetcher_dagster.durable_files import append_durably, storage_failures
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.folders import refuse_links
from tg_fetcher_dagster.storage.paths import DayPaths, Store


class Stragglers:
    """The stragglers of one chat, in the raw file's kinds of lines.

    Those that wait are in `{chat}/stragglers/{date}.jsonl`, those that their day has in `taken/` beside it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, store: Store, chat: str) -> Self:
        """Returns those of a chat."""
        return cls.beside(store.day(chat, date.min))

    @classmethod
    def beside(cls, paths: DayPaths) -> Self:
        """Returns those of the chat that has this day."""
        return cls(paths.stragglers)

    def keep(self, day: date, lines: Iterable[bytes]) -> None:
        """Writes raw lines (`user`, `chat`, `message`) behind those that are there, durably.

        Raises:
            FetchError: (storage) the disk refused.
        """
        _append(self._path(day), b"".join(line + b"\n" for line in lines))

    def read(self, day: date) -> list[dict[str, Any]]:
        """Returns the lines that wait; a last one that a kill has cut is left out (its walk meets it again).

        Raises:
            FetchError: (storage) the file is there and cannot be read, or is damaged.
        """
        return _lines(self._path(day))

    def known(self, day: date) -> list[dict[str, Any]]:
        """Returns the lines that wait, after those that the day took in before.

        Raises:
            FetchError: (storage) a file is there and cannot be read.
        """
        return [*_lines(self._taken(day)), *self.read(day)]

    def days(self) -> list[date]:
        """Returns the days for which something waits, the oldest first."""
        if not self._folder.is_dir():
            return []
        found = []
        for path in self._folder.glob("*.jsonl"):
            with suppress(ValueError):  # somebody else's file
                found.append(date.fromisoformat(path.stem))
        return sorted(found)

    def merged_raw(self, day: date) -> Path:
        """Returns where the day's raw file is put together with its stragglers."""
        return self._folder / f"{day.isoformat()}.jsonl.zst"

    def take_in(self, day: date) -> None:
        """Says that the day has what waited for it.

        Raises:
            FetchError: (storage) the disk refused.
        """
        waiting = self.read(day)
        if waiting:
            _append(self._taken(day), b"".join(orjson.dumps(line) + b"\n" for line in waiting))
        for path in (self._path(day), self.merged_raw(day)):
            with storage_failures(path):
                path.unlink(missing_ok=True)

    def _path(self, day: date) -> Path:
        return self._folder / f"{day.isoformat()}.jsonl"

    def _taken(self, day: date) -> Path:
        return self._folder / "taken" / f"{day.isoformat()}.jsonl"


def _append(path: Path, lines: bytes) -> None:
    refuse_links(path.parent, path.parent.parent)
    append_durably(path, lines)


def _lines(path: Path) -> list[dict[str, Any]]:
    with storage_failures(path):
        try:
            kept = path.read_bytes()
        except FileNotFoundError:
            return []
    try:
        return [orjson.loads(line) for line in kept.split(b"\n")[:-1] if line]
    except orjson.JSONDecodeError as error:
        raise FetchError(
            ErrorType.STORAGE, f"{path} is damaged ({error}): mend it or move it away"
        ) from error
