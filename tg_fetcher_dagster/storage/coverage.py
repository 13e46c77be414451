"""What is proved of each chat and day: the id interval that was scanned, when, and whether the day was over.

It stands in the ledger's table `days`, written in one transaction with the day's event. Its presence makes
the day durable, and its checksum is what consumers were told last.
"""

from datetime import date, datetime
from typing import Literal

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.ledger import days as ledger_days
from tg_fetcher_dagster.ledger.database import Connection, Ledger, now
from tg_fetcher_dagster.storage.changes import ChangeRecord
from tg_fetcher_dagster.storage.paths import DayPaths

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


def write_coverage(connection: Connection, coverage: Coverage) -> None:
    """Keeps what is proved of a day in the caller's transaction; whatever had failed of it is over.

    A day that must be read again is due at once.
    """
    ledger_days.put(
        connection,
        coverage.chat,
        coverage.date,
        {
            "coverage": coverage.model_dump_json(),
            "settled": coverage.settled,
            "proved": True,
            "checksum_sha256": coverage.checksum_sha256,
            "message_count": coverage.message_count,
            "fetched_at": coverage.fetched_at.timestamp(),
            "requests": coverage.requests,
            "losses": len(coverage.lost),
            "due_at": now() if coverage.needs_read is not None else None,
            "failed_rounds": 0,
            "given_up_at": None,
            "error_type": None,
            "error": coverage.needs_read,
        },
    )


def mark_for_reading(ledger: Ledger, paths: DayPaths, why: str) -> None:
    """Notes that a day must be read again, whatever else is proved of it.

    Nothing where the day has no record: such a day is read anyway.

    Raises:
        FetchError: (storage) the ledger refused.
    """
    with ledger.write() as connection:
        coverage = coverage_in(connection, paths.chat, paths.day)
        if coverage is not None and coverage.needs_read != why:
            write_coverage(connection, coverage.model_copy(update={"needs_read": why}))


def mark_in_doubt(ledger: Ledger, paths: DayPaths, *, until: datetime, why: str) -> None:
    """Notes that a reading of a day was not believed: it is not done, and from when on a second one counts.

    Raises:
        FetchError: (storage) the ledger refused.
    """
    with ledger.write() as connection:
        ledger_days.put(
            connection,
            paths.chat,
            paths.day,
            {
                "settled": False,
                "due_at": until.timestamp(),
                "error_type": ErrorType.SUSPICIOUS_DELETION.value,
                "error": why,
            },
        )


def coverage_in(connection: Connection, chat: str, day: date) -> Coverage | None:
    """Returns what is proved of a day, seen in the caller's transaction; see `read_coverage`."""
    return _parsed(ledger_days.coverage_of(connection, chat, day), chat, day)


def read_coverage(ledger: Ledger, paths: DayPaths) -> Coverage | None:
    """Returns what is proved of the day; None where nothing is (a damaged record proves nothing).

    Raises:
        FetchError: (storage) the ledger cannot be read.
    """
    with ledger.read() as connection:
        return coverage_in(connection, paths.chat, paths.day)


def covered_days(ledger: Ledger, chat: str, first: date, last: date) -> dict[date, Coverage]:
    """Returns what is proved of each day between two days, both included, the oldest day first."""
    with ledger.read() as connection:
        found = ledger_days.coverages(connection, chat, first, last)
    parsed = ((day, _parsed(text, chat, day)) for day, text in found)
    return {day: coverage for day, coverage in parsed if coverage is not None}


def last_with_messages(connection: Connection, chat: str) -> Coverage | None:
    """Returns what is proved of the newest day of a chat that has messages."""
    found = ledger_days.last_with_messages(connection, chat)
    return _parsed(found[1], chat, found[0]) if found is not None else None


def _parsed(text: str | None, chat: str, day: date) -> Coverage | None:
    if text is None:
        return None
    try:
        coverage = Coverage.model_validate_json(text)
    except ValidationError as error:
        why = error.errors(include_url=False, include_input=False)[0]["msg"]
    else:
        if (coverage.chat, coverage.date) == (chat, day):
            return coverage
        why = f"it is that of {coverage.chat} {coverage.date}"
    log.warning("a record is damaged, the day counts as not fetched", chat=chat, date=str(day), error=why)
    return None
