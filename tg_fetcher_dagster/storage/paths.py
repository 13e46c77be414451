"""Where each thing of a chat and day stands under DATA_DIR.

`{chat}/{date}.json` and its three side files are for readers; what the fetcher keeps for itself stands in
`raw/`, `versions/` and hidden folders, so that a reader's `*.json` finds days only.
"""

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

import orjson

from tg_fetcher_dagster.chats.spelling import check_chat_key
from tg_fetcher_dagster.durable_files import storage_failures, write_whole
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.folders import CLOSED, make_folder, refuse_links
from tg_fetcher_dagster.ledger.database import BEFORE_THE_LEDGER, not_taken_over
from tg_fetcher_dagster.settings import Settings

STORE_FORMAT = 2
"""Of the layout described here; a DATA_DIR of another one is refused."""

_A_DAYS_FILE = re.compile(r"(\d{4}-\d\d-\d\d)(?:(?:_summary|_threads|_participants)?\.json|\.jsonl\.zst)")


def folder_mode(file_mode: int) -> int:
    """Returns the mode of a folder whose files have `file_mode`: who may read them may look into it."""
    return file_mode | (file_mode & 0o444) >> 2


def names_in(folder: Path) -> list[str]:
    """Returns the names in a folder; none where there is no such folder.

    Raises:
        FetchError: (storage) it cannot be read.
    """
    try:
        return [entry.name for entry in os.scandir(folder)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FetchError(ErrorType.STORAGE, f"cannot read {folder}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class DayPaths:
    """The files of one chat and day.

    Attributes:
        data_dir: DATA_DIR.
        chat: the chat's key, also the folder's name.
        day: the day in TIMEZONE.
    """

    data_dir: Path
    chat: str
    day: date

    @property
    def folder(self) -> Path:
        """The chat's folder."""
        return self.data_dir / self.chat

    @property
    def day_file(self) -> Path:
        """The product: the day's messages."""
        return self.folder / f"{self.day}.json"

    @property
    def summary(self) -> Path:
        """The side file with counts and the day file's checksum."""
        return self.folder / f"{self.day}_summary.json"

    @property
    def threads(self) -> Path:
        """The side file that says who answered whom."""
        return self.folder / f"{self.day}_threads.json"

    @property
    def participants(self) -> Path:
        """The side file that says who wrote."""
        return self.folder / f"{self.day}_participants.json"

    @property
    def raw(self) -> Path:
        """What Telegram gave, from which all the others can be made again."""
        return self.folder / "raw" / f"{self.day}.jsonl.zst"

    @property
    def versions(self) -> Path:
        """The folder of earlier day files and raw files that a re-fetch replaced."""
        return self.folder / "versions" / f"{self.day}"

    @property
    def candidate(self) -> Path:
        """What is known of a reading that lacks so many messages that it is not believed yet."""
        return self.folder / ".candidates" / f"{self.day}.json"

    @property
    def candidate_raw(self) -> Path:
        """That reading's raw file."""
        return self.folder / ".candidates" / f"{self.day}.jsonl.zst"

    @property
    def stragglers(self) -> Path:
        """The folder of messages that were met out of their order."""
        return self.folder / "stragglers"

    @property
    def lock(self) -> Path:
        """Held while the files of a day of this chat are put in their places."""
        return self.folder / ".lock"

    def refuse_links(self) -> None:
        """Refuses to write where the chat's folder, or one in it, is a symbolic link.

        Raises:
            FetchError: (validation) one is.
        """
        inside = (self.raw, self.candidate, self.versions)
        refuse_links(self.folder, *(path.parent for path in inside), self.versions, self.stragglers)


class Store:
    """DATA_DIR, written in one time zone.

    Attributes:
        data_dir: the folder.
        timezone: the zone of a day's bounds; an IANA name.
        file_mode: of files in a DATA_DIR that is made anew; one that is there keeps its modes.
    """

    def __init__(self, data_dir: Path, timezone: str, *, file_mode: int = 0o640) -> None:
        self.data_dir = data_dir
        self.timezone = timezone
        self.file_mode = file_mode

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Returns the store that the settings name."""
        return cls(settings.data_dir, settings.timezone, file_mode=settings.file_mode)

    def day(self, chat: str, day: date) -> DayPaths:
        """Returns where that day's files are.

        Raises:
            FetchError: (validation) `chat` is no chat key, so not safe as a folder's name.
        """
        return DayPaths(self.data_dir, check_chat_key(chat), day)

    def chats(self) -> list[str]:
        """The keys of all chats with a folder, sorted."""
        if not self.data_dir.is_dir():
            return []
        folders = (entry for entry in self.data_dir.iterdir() if entry.is_dir() and not entry.is_symlink())
        return sorted(folder.name for folder in folders if not folder.name.startswith("."))

    def days(self, chat: str) -> list[date]:
        """Returns every day of which a file is left, the oldest first; two listings, no file is opened.

        Raises:
            FetchError: (validation) `chat` is no chat key; (storage) a folder cannot be read.
        """
        one = self.day(chat, date.min)
        found: set[date] = set()
        for folder in (one.folder, one.raw.parent):
            for name in names_in(folder):
                if (match := _A_DAYS_FILE.fullmatch(name)) is not None:
                    with suppress(ValueError):  # the 31st of February is somebody else's file
                        found.add(date.fromisoformat(match[1]))
        return sorted(found)

    def _mode(self) -> int:
        return stat.S_IMODE(self.data_dir.stat().st_mode) & 0o777

    def modes_line(self) -> str | None:
        """Returns a line where DATA_DIR is open to more people than DATA_FILE_MODE says; None where not."""
        try:
            present = self._mode()
        except OSError:
            return None
        wanted = folder_mode(self.file_mode)
        if not present & ~wanted:
            return None
        return (
            f"{self.data_dir} was made with mode {present:04o} and keeps it, and so do files in it;"
            f" DATA_FILE_MODE={self.file_mode:04o} asks for {wanted:04o}"
        )

    def prepare(self) -> None:
        """Makes DATA_DIR and notes its zone, or checks that it is the one noted.

        Raises:
            FetchError: (validation) it was written in another zone: days of both would overlap; (storage) the
                folder cannot be made or its note cannot be read.
        """
        note = self.data_dir / ".store.json"
        try:
            written = orjson.loads(note.read_bytes())
            timezone, layout = written["timezone"], written["format"]
        except FileNotFoundError:
            if any((self.data_dir / name).exists() for name in BEFORE_THE_LEDGER):
                raise not_taken_over(self.data_dir) from None
            with storage_failures(self.data_dir):
                make_folder(self.data_dir, mode=folder_mode(self.file_mode))
                if names_in(self.data_dir) == [".ledger"] and self._mode() == CLOSED:
                    # Made a moment ago, by a ledger that knows no setting.
                    self.data_dir.chmod(folder_mode(self.file_mode))
            write_whole(note, orjson.dumps({"format": STORE_FORMAT, "timezone": self.timezone}))
            return
        except OSError as error:
            raise FetchError(ErrorType.STORAGE, f"cannot read {note}: {error.strerror}") from error
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise FetchError(
                ErrorType.STORAGE, f"{note} is damaged: restore it or remove it if TIMEZONE never changed"
            ) from None
        if timezone != self.timezone:
            raise FetchError(
                ErrorType.VALIDATION,
                f"setting TIMEZONE={self.timezone!r}: {self.data_dir} was written in {timezone!r};"
                " set that zone or another DATA_DIR",
            )
        if layout != STORE_FORMAT and (isinstance(layout, str) or layout < STORE_FORMAT):
            raise not_taken_over(self.data_dir)
        if layout != STORE_FORMAT:
            raise FetchError(
                ErrorType.VALIDATION,
                f"{self.data_dir} has layout {layout!r} and this version reads {STORE_FORMAT}",
            )
