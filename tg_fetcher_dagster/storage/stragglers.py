"""Messages that a walk met out of their order, kept until their day has them.

A walk over one day may meet a message of another one: an imported message under a new id, two seconds around
midnight. It is written here, durably, before the walk goes on, so that no kill loses it; the day takes it in
when it is next made, or is opened again for it.
"""

import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from tg_fetcher_dagster.storage.durable import make_folder, storage_failures, sync_folder
from tg_fetcher_dagster.storage.paths import Store


class Stragglers:
    """The stragglers of one chat: `{chat}/stragglers/{date}.jsonl`, in the raw file's kinds of lines."""

    def __init__(self, store: Store, chat: str) -> None:
        self._folder = store.day(chat, date.min).folder / "stragglers"

    def keep(self, day: date, lines: Iterable[bytes]) -> None:
        """Writes raw lines (`user`, `chat`, `message`) behind those that are there, durably.

        Raises:
            FetchError: (storage) the disk refused.
        """
        path = self._path(day)
        with storage_failures(path):
            make_folder(self._folder)
            with path.open("ab") as file:
                file.write(b"".join(line + b"\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
            sync_folder(self._folder)

    def read(self, day: date) -> list[dict[str, Any]]:
        """Returns a day's lines; a last one that a kill has cut is left out (its walk meets it again).

        Raises:
            FetchError: (storage) the file is there and cannot be read.
        """
        path = self._path(day)
        with storage_failures(path):
            try:
                kept = path.read_bytes()
            except FileNotFoundError:
                return []
        lines = kept.split(b"\n")
        return [orjson.loads(line) for line in lines[:-1] if line]

    def days(self) -> list[date]:
        """Returns the days for which something waits, the oldest first."""
        if not self._folder.is_dir():
            return []
        return sorted(date.fromisoformat(path.stem) for path in self._folder.glob("*.jsonl"))

    def merged_raw(self, day: date) -> Path:
        """Returns where the day's raw file is put together with its stragglers."""
        return self._folder / f"{day.isoformat()}.jsonl.zst"

    def drop(self, day: date) -> None:
        """Forgets a day's stragglers, once the day has them."""
        for path in (self._path(day), self.merged_raw(day)):
            with storage_failures(path):
                path.unlink(missing_ok=True)

    def _path(self, day: date) -> Path:
        return self._folder / f"{day.isoformat()}.jsonl"
