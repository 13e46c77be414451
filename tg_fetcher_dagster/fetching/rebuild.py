"""Day files made again from their raw files: a new field or a lost file costs no request to Telegram."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tg_fetcher_dagster.durable_files import exclusive
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.committing import Intent, commit_day, recover_intents
from tg_fetcher_dagster.fetching.context import DayContext
from tg_fetcher_dagster.fetching.day_end import day_end_event, unasked
from tg_fetcher_dagster.fetching.missing_parts import without_unmapped
from tg_fetcher_dagster.fetching.replaying import Replayed, replay
from tg_fetcher_dagster.messages.day import MappingOptions
from tg_fetcher_dagster.storage.candidates import read_candidate
from tg_fetcher_dagster.storage.changes import ChangeRecord
from tg_fetcher_dagster.storage.coverage import (
    OF_THE_FILES,
    Coverage,
    Outcome,
    mark_for_reading,
    read_coverage,
)
from tg_fetcher_dagster.storage.damage import Part
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import RawFileError

TRIES = 3
"""How often a rebuild begins anew because a fetch has put another raw file in its place meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """A day that was made again.

    Attributes:
        coverage: what is now proved of it.
        outcome: the day file against what consumers were told last; of all but `unchanged` they are told.
        mended: the files whose bytes were not what they are now.
    """

    chat: str
    day: date
    coverage: Coverage
    outcome: Outcome
    mended: tuple[Part, ...]
    duration_seconds: float


def rebuild_day(
    chat: str,
    day: date,
    context: DayContext,
    *,
    told_as: Callable[[Coverage], str],
    options: MappingOptions | None = None,
    record_from_raw: bool = False,
) -> Rebuilt:
    """Makes the day's files again; the same raw file and options give the same bytes.

    A file that changes is kept under `versions/` first. What was proved of the reading stays; where that
    record is gone, or tells of an older reading, it is made from the raw file, too. Consumers are told where
    the day file is not what they were told last.

    Args:
        chat: the chat's key.
        day: which day.
        context: where it is, and what its messages become.
        told_as: returns the request on whose behalf it is told, for what is then proved of the day.
        options: what the messages become, if not what the settings say.
        record_from_raw: believe what the raw file says of the reading, not the record.

    Raises:
        RawFileError: the raw file is gone, damaged, or older than the record: the day is marked as one that
            must be read again, and its files stay.
        FetchError: (storage) the disk refused, or the day is being fetched; (internal) the raw file holds
            what this version cannot read.
    """
    began = time.monotonic()
    paths = context.store.day(chat, day)
    recover_intents(context.ledger, context.store, chat)
    for _ in range(TRIES):
        looked = facts_of(paths.raw)
        try:
            replayed = replay(paths.raw, paths, options or context.options, ledger=context.ledger)
            try:
                sizes = replayed.builder.writer.seal(replayed.made.sides)
                with exclusive(paths.lock):
                    if facts_of(paths.raw) != looked:
                        continue  # an older snapshot never replaces a newer one
                    before = read_coverage(context.ledger, paths)
                    coverage = _renewed(paths, before, replayed.coverage, record_from_raw=record_from_raw)
                    coverage = coverage.model_copy(update={"sizes": sizes})
                    made = put_day(
                        paths, replayed, coverage, before, context=context, told_as=told_as, began=began
                    )
                    if made is not None:
                        return made
            finally:
                replayed.builder.discard()
        except RawFileError as error:
            with exclusive(paths.lock):
                if facts_of(paths.raw) == looked:
                    mark_for_reading(context.ledger, paths, error.why)
                    raise
    raise FetchError(ErrorType.STORAGE, f"{chat} {day} is being fetched again and again: try it later")


def accept_day(chat: str, day: date, context: DayContext) -> Rebuilt:
    """Makes the reading current that was not believed; the earlier files are kept under `versions/`.

    Raises:
        FetchError: (not_found) no reading of the day waits; (validation) a newer one is in place; (storage)
            the disk refused, or what was kept of the reading is damaged.
    """
    began = time.monotonic()
    paths = context.store.day(chat, day)
    recover_intents(context.ledger, context.store, chat)
    candidate = read_candidate(paths)
    if candidate is None:
        raise FetchError(ErrorType.NOT_FOUND, f"{chat} {day}: no deletion waits to be accepted")
    replayed = replay(paths.candidate_raw, paths, context.options, ledger=context.ledger, adopt=True)
    try:
        sizes = replayed.builder.writer.seal(replayed.made.sides)
        with exclusive(paths.lock):
            before = read_coverage(context.ledger, paths)
            coverage = replayed.coverage.model_copy(update={"sizes": sizes})
            if before is not None and before.limit is None and before.fetched_at > coverage.fetched_at:
                raise FetchError(
                    ErrorType.VALIDATION,
                    f"{chat} {day}: a newer reading is in place; nothing is left to accept",
                )
            accepted = put_day(
                paths,
                replayed,
                coverage,
                before,
                context=context,
                told_as=lambda _then: unasked("accept"),
                began=began,
                is_reading=True,
            )
            if accepted is None:
                raise FetchError(ErrorType.STORAGE, f"{chat} {day} is being fetched: try it later")
            return accepted
    finally:
        replayed.builder.discard()


def facts_of(raw: Path) -> tuple[int, ...] | None:
    """Returns what changes when another file takes a raw file's place."""
    try:
        there = raw.stat()
    except OSError:
        return None
    return there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns


def _renewed(
    paths: DayPaths, before: Coverage | None, of_raw: Coverage, *, record_from_raw: bool
) -> Coverage:
    if before is None or before.fetched_at < of_raw.fetched_at:
        return of_raw
    if before.fetched_at > of_raw.fetched_at:
        raise RawFileError(paths.raw, "is older than the day that is kept")
    files = of_raw.model_dump(include=set(OF_THE_FILES))
    if not record_from_raw:
        unmapped = [loss for loss in of_raw.lost if loss not in without_unmapped(of_raw.lost)]
        lost = (*without_unmapped(before.lost), *unmapped)
        return before.model_copy(update={**files, "lost": lost, "needs_read": None})
    kept = {"final": before.final and of_raw.final, "outcome": before.outcome, "changes": before.changes}
    return of_raw.model_copy(update={**kept, "event_request": before.event_request})


def put_day(
    paths: DayPaths,
    replayed: Replayed,
    coverage: Coverage,
    before: Coverage | None,
    *,
    context: DayContext,
    told_as: Callable[[Coverage], str],
    began: float | None = None,
    is_reading: bool = False,
    takes_stragglers: bool = False,
) -> Rebuilt | None:
    """Puts a replayed day in its place and tells of it where it is not what was told last.

    What a reading changed is told with it; what a rebuild changes is nobody's edit. The chat's lock must be
    held.

    Args:
        paths: where the day is.
        replayed: its sealed files.
        coverage: what is then proved of it.
        before: what was proved of it until now.
        context: with the ledger.
        told_as: returns the request on whose behalf it is told, for what is then proved of the day.
        began: when the work on it began, on the monotonic clock.
        is_reading: it is another reading of the day, not the same one made anew.
        takes_stragglers: the messages that waited for the day are in it.

    Returns:
        What was done; None where the day was changed meanwhile, on another host.

    Raises:
        FetchError: (storage) the disk refused.
    """
    writer = replayed.builder.writer
    found = writer.compare(before)
    mended = [Part.DAY_FILE] if found.replaces else []
    mended += replayed.differing_sides(paths)
    is_told = found.outcome != "unchanged"
    event, end, request_id = None, None, ""
    if is_told:
        request_id = told_as(coverage)
        changes = ChangeRecord.of(found.changes) if is_reading and found.changes else None
        told = {"outcome": found.outcome, "changes": changes, "event_request": request_id}
        coverage = coverage.model_copy(update=told)
        told_before = before.checksum_sha256 if before else None
        event, end = day_end_event(
            context.settings, paths, coverage, request_id=request_id, told_before=told_before
        )
    intent = Intent(
        request_id=request_id,
        coverage=coverage,
        moves=writer.moves(found),
        keeps=found.present if found.replaces else None,
        end=end,
        event=event.model_dump(mode="json") if event else None,
        answers_candidate=is_reading,
        takes_stragglers=takes_stragglers,
    )
    if not commit_day(context.ledger, paths, intent, writer, before=before):
        return None
    if before is None or (not is_told and before.model_copy(update={"sizes": coverage.sizes}) != coverage):
        mended.append(Part.COVERAGE)
    duration = round(time.monotonic() - began, 3) if began is not None else 0.0
    return Rebuilt(
        chat=paths.chat,
        day=paths.day,
        coverage=coverage,
        outcome=found.outcome,
        mended=tuple(mended),
        duration_seconds=duration,
    )
