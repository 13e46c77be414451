"""How a day becomes durable: an intent, the renames, one transaction (docs/ledger.md).

The intent is written before the first file changes and says all that is needed to go on; whoever finds one
goes on. So a kill at any line leaves no newer file under an older record for longer than until the next
run, and the day's record, its event and the end of its asks are there together or not at all.
"""

import uuid
from pathlib import Path
from typing import Any

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from tg_fetcher_dagster.durable_files import exclusive, sha256_of, storage_failures
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.models import ANY_EVENT, Event
from tg_fetcher_dagster.fetching.day_end import record_end, unasked
from tg_fetcher_dagster.fetching.day_measures import Fetching, measures_of_day, measures_of_reading
from tg_fetcher_dagster.fetching.deletion_doubts import drop_what_was_answered
from tg_fetcher_dagster.ledger import intents
from tg_fetcher_dagster.ledger.asks import End
from tg_fetcher_dagster.ledger.database import Connection, Ledger, now
from tg_fetcher_dagster.ledger.measures import measure
from tg_fetcher_dagster.storage.coverage import Coverage, coverage_in, write_coverage
from tg_fetcher_dagster.storage.damage import look
from tg_fetcher_dagster.storage.day_writer import DayWriter
from tg_fetcher_dagster.storage.paths import DayPaths, Store
from tg_fetcher_dagster.storage.placing import Move, drafts_in, put_in_place
from tg_fetcher_dagster.storage.stragglers import Stragglers
from tg_fetcher_dagster.storage.versions import keep_version

log = structlog.get_logger(__name__)

LOST = "its files were lost while they were put in their places"
"""Why a day must be read again whose drafts were not there any more when its intent was found."""


class Intent(BaseModel):
    """A day whose sealed files are on their way.

    Attributes:
        request_id: on whose behalf: the batch, or a made-up id where nobody asked.
        coverage: what is proved of the day once the files are in their places.
        moves: which draft goes where; a day file that is replaced comes last.
        keeps: the SHA-256 of the day file that is kept under `versions/` first; None where none is.
        end: how the asks end that the day answers; None where nobody is told.
        event: what is told; who asked is filled in when it is recorded.
        answers_candidate: a reading that was not believed is confirmed or refuted by this one.
        takes_stragglers: the messages that waited for the day are in it.
        over: when the reading began whose record this one replaces; None where there is none.
        fetching: on whose behalf the day was read, for what is counted; None where nobody has read it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    intent_id: str = Field(default_factory=lambda: uuid.uuid4().hex)
    request_id: str
    coverage: Coverage
    moves: tuple[Move, ...]
    keeps: str | None = None
    end: End | None = None
    event: dict[str, Any] | None = None
    answers_candidate: bool = False
    takes_stragglers: bool = False
    over: AwareDatetime | None = None
    fetching: Fetching | None = None


def commit_day(
    ledger: Ledger, paths: DayPaths, intent: Intent, writer: DayWriter, *, before: Coverage | None
) -> bool:
    """Puts a sealed day in its place and makes it count; the chat's lock should be held.

    Args:
        ledger: where the day counts.
        paths: where its files go.
        intent: all that is to be done.
        writer: has the sealed drafts; from the intent on they are no longer its own.
        before: what was proved of the day when it was compared with what is there.

    Returns:
        False where something else was done to the day meanwhile, on another host: nothing has changed, and
        it is to be compared again.

    Raises:
        FetchError: (storage) the disk or the ledger refused; what the intent says is done later.
    """
    intent = intent.model_copy(update={"over": before.fetched_at if before is not None else None})
    with ledger.write() as connection:
        if not _begin(connection, paths, intent):
            return False
        # Only now: from here on nobody else can commit the day.
        if coverage_in(connection, paths.chat, paths.day) != before:
            intents.end(connection, paths.chat, paths.day, intent.intent_id)
            return False
    writer.release(intent.moves)
    _put_files(paths, intent)
    _end(ledger, paths, intent)
    return True


def recover_intents(
    ledger: Ledger,
    store: Store,
    chat: str | None = None,
    *,
    began_before: float | None = None,
    limit: int = 100,
) -> int:
    """Goes on with days that a killed process has left on their way; returns how many there were.

    Args:
        ledger: where they are noted.
        store: where their files are.
        chat: only this chat's.
        began_before: only those that began before that moment: younger ones are a living process's.
        limit: so many at most, the oldest first; the others are for the next time.
    """
    with ledger.read() as connection:
        left = intents.left(connection, chat=chat, before=began_before, limit=limit)
    for of, day in left:
        paths = store.day(of, day)
        try:
            with exclusive(paths.lock):
                recover_day(ledger, paths)
        except FetchError as error:
            log.warning("a day stays on its way", chat=of, date=day.isoformat(), error=error.message)
    return len(left)


def recover_day(ledger: Ledger, paths: DayPaths) -> None:
    """Goes on with one day where it is on its way; the chat's lock should be held.

    Raises:
        FetchError: (storage) the disk or the ledger refused.
    """
    with ledger.read() as connection:
        kept = intents.of_day(connection, paths.chat, paths.day)
    if kept is None:
        return
    try:
        intent = Intent.model_validate_json(kept)
        if intent.event is not None:
            ANY_EVENT.validate_python(intent.event)  # another version's may be none of ours
    except ValidationError as error:
        log.warning("an intent cannot be read", chat=paths.chat, date=str(paths.day), error=str(error))
        _give_up(ledger, paths)
        return
    _put_files(paths, intent)
    with storage_failures(paths.day_file):
        whole = sha256_of(paths.day_file) == intent.coverage.checksum_sha256
    if not whole or look(paths, intent.coverage):
        log.error(LOST, chat=paths.chat, date=str(paths.day))
        _give_up(ledger, paths, intent.intent_id)
        return
    _end(ledger, paths, intent)
    log.info("a day was brought to its end", chat=paths.chat, date=str(paths.day))


def drafts_on_their_way(ledger: Ledger, paths: DayPaths) -> frozenset[Path]:
    """Returns the drafts of a day that are to be put in their places yet: nobody may clean them away."""
    with ledger.read() as connection:
        kept = intents.of_day(connection, paths.chat, paths.day)
    try:
        moves = Intent.model_validate_json(kept).moves if kept is not None else ()
    except ValidationError:
        moves = ()
    return drafts_in(paths.folder, moves)


def _begin(connection: Connection, paths: DayPaths, intent: Intent) -> bool:
    return intents.put(
        connection, paths.chat, paths.day, intent_id=intent.intent_id, intent=intent.model_dump_json()
    )


def _put_files(paths: DayPaths, intent: Intent) -> None:
    """Does what is left to be done to the files; the second time it changes nothing."""
    if intent.keeps is not None and (paths.folder / intent.moves[-1].draft).exists():
        # The day file is replaced last: as long as its draft is there, the earlier one is in its place.
        with storage_failures(paths.versions):
            keep_version(paths, intent.keeps)
    put_in_place(paths.folder, intent.moves)
    if intent.answers_candidate:
        drop_what_was_answered(paths, intent.coverage)
    if intent.takes_stragglers:
        Stragglers.beside(paths).take_in(paths.day)


def _end(ledger: Ledger, paths: DayPaths, intent: Intent) -> None:
    """Makes the day count, tells of it and ends its asks, in one transaction; nothing where that was done."""
    coverage = intent.coverage
    with ledger.write() as connection:
        if not intents.end(connection, paths.chat, paths.day, intent.intent_id):
            return  # another process has found the intent and was faster
        there = coverage_in(connection, paths.chat, paths.day)
        if there is not None and there.fetched_at not in {intent.over, coverage.fetched_at}:
            # Nobody else commits a day that is on its way; whoever wrote this record knows of newer files.
            log.error("another reading is in place", chat=paths.chat, date=str(paths.day))
            return
        write_coverage(connection, coverage)
        _count(connection, intent)
        if intent.event is not None and intent.end is not None:
            event: Event = ANY_EVENT.validate_python(intent.event)
            told = record_end(connection, event, request_id=intent.request_id, end=intent.end)
            if not told and intent.end == "fetched":
                # Its batch gave the day up while this process stood still; what is new is told all the same.
                record_end(connection, event, request_id=unasked("late"), end=intent.end)


def _count(connection: Connection, intent: Intent) -> None:
    """Counts a day that was read, in the transaction in which it begins to count."""
    if intent.fetching is None:
        return
    coverage = intent.coverage
    of_day = measures_of_day(
        intent.fetching,
        coverage.chat,
        status="unchanged" if coverage.outcome == "unchanged" else "fetched",
        seconds=coverage.duration_seconds,
        now=now(),
    )
    measure(connection, [*of_day, *measures_of_reading(coverage)])


def _give_up(ledger: Ledger, paths: DayPaths, intent_id: str | None = None) -> None:
    """Removes an intent that nobody can carry out; the day must be read again."""
    with ledger.write() as connection:
        if not intents.end(connection, paths.chat, paths.day, intent_id):
            return  # whoever began it has come to its end meanwhile
        coverage = coverage_in(connection, paths.chat, paths.day)
        if coverage is not None:
            write_coverage(connection, coverage.model_copy(update={"needs_read": LOST}))
