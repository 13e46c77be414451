"""What is proved of each chat and day: the id interval that was scanned, when, and whether the day was over.

A day's coverage is the last thing written of it, after its files and its event. Its presence makes the day
durable, and its checksum is what consumers were told last.
"""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from tg_fetcher_dagster.durable_files import write_whole
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.storage.changes import ChangeRecord
from tg_fetcher_dagster.storage.paths import DayPaths, Store

log = structlog.get_logger(__name__)

Outcome = Literal["new", "unchanged", "changed"]
"""What a fetch found, measured against what consumers were told before."""


class Loss(BaseModel):
    """Something of the day that is known to be missing.

    Attributes:
        what: for instance `comments of post 17`.
        why: one line.
        first_id: the lowest message id that it may be about; None where no id bounds it.
        last_id: the highest one.
        count: how many messages are missing, where that is known.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    why: str
    first_id: int | None = None
    last_id: int | None = None
    count: int | None = None


class Sizes(BaseModel):
    """Bytes of the files beside the day file, so that a look at them finds a cut one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    raw: int
    summary: int
    threads: int
    participants: int


class Coverage(BaseModel):
    """What is proved of one chat and day.

    Attributes:
        final: the day was over when it was read, and all of it was read.
        scanned_newest_id: the scanned id interval's upper end; None where nothing was there to scan.
        scanned_oldest_id: its lower end.
        newest_message_id: the day's own newest message; None for an empty day.
        limit: so many messages at most were asked for; such a day is never final.
        edge_messages: so many neighbours beyond the day's edges were in order; None in a file of before,
            when nobody looked at them.
        lost: what is known to be missing, and why.
        account_user_id: the Telegram user whose account read it; None in a file of before.
        event_request: the request whose event told of this content.
        sizes: of the files beside the day file; None in what older versions wrote.
        changes: what the reading found different from what was told before; None where nothing was told, or
            what was could not be compared.
        needs_read: why Telegram must be asked again although the day is final: its raw file is damaged.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    chat: str
    date: date
    timezone: str
    final: bool
    message_count: int
    comment_count: int = 0
    checksum_sha256: str
    size_bytes: int
    scanned_newest_id: int | None
    scanned_oldest_id: int | None
    newest_message_id: int | None = None
    fetched_at: datetime
    requests: int
    duration_seconds: float
    first_message_ts: str | None
    last_message_ts: str | None
    estimated_tokens_total: int
    schema_version: str
    preprocessing_version: str
    limit: int | None = None
    edge_messages: int | None = None
    lost: tuple[Loss, ...] = ()
    account_user_id: int | None = None
    outcome: Outcome
    event_request: str | None
    sizes: Sizes | None = None
    changes: ChangeRecord | None = None
    needs_read: str | None = None

    @property
    def settled(self) -> bool:
        """True where nothing is left to be asked of Telegram, as far as this record knows."""
        return self.final and self.needs_read is None


OF_THE_FILES = frozenset(
    {
        "message_count",
        "comment_count",
        "checksum_sha256",
        "size_bytes",
        "newest_message_id",
        "first_message_ts",
        "last_message_ts",
        "estimated_tokens_total",
        "schema_version",
        "preprocessing_version",
        "sizes",
    }
)
"""What of a coverage says how the files came out; all else says how the day was read."""


def write_coverage(paths: DayPaths, coverage: Coverage) -> None:
    """Writes it durably: from here on the day counts.

    Raises:
        FetchError: (storage) the disk refused; an earlier coverage stays.
    """
    write_whole(paths.coverage, coverage.model_dump_json().encode())


def mark_for_reading(paths: DayPaths, why: str) -> None:
    """Notes that a day must be read again, whatever else is proved of it; the chat's lock must be held.

    Nothing where the day has no record: such a day is read anyway.

    Raises:
        FetchError: (storage) the disk refused.
    """
    coverage = read_coverage(paths)
    if coverage is not None and coverage.needs_read != why:
        write_coverage(paths, coverage.model_copy(update={"needs_read": why}))


def read_coverage(paths: DayPaths) -> Coverage | None:
    """Returns what is proved of the day; None where nothing is (a damaged file proves nothing).

    Raises:
        FetchError: (storage) the file is there and this process may not read it.
    """
    return _read(paths.coverage)


def covered_days(store: Store, chat: str) -> dict[date, Coverage]:
    """Returns what is proved of each day of a chat, the oldest day first."""
    return dict(sorted(_covered(store.day(chat, date.min).coverage.parent)))


def _covered(folder: Path) -> Iterator[tuple[date, Coverage]]:
    for path in folder.glob("[0-9]*.json"):
        coverage = _read(path)
        if coverage is not None:
            yield coverage.date, coverage


def _read(path: Path) -> Coverage | None:
    try:
        return Coverage.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FetchError(ErrorType.STORAGE, f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        log.warning("coverage is damaged, the day counts as not fetched", path=str(path), error=str(error))
        return None
