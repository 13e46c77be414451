"""A day that the walk has passed becomes durable, unless a newer reading is in place or it is not believed.

All of it happens under the chat's lock, so that of two readings of one day the one that began later stays,
whichever comes to its end first; the ledger's transaction says the same to other hosts.
"""

import time
from dataclasses import dataclass, field
from datetime import date, datetime

import structlog

from tg_fetcher_dagster.durable_files import exclusive
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.committing import Intent, commit_day, recover_day
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_builder import DayBuilder
from tg_fetcher_dagster.fetching.day_events import DayEvents
from tg_fetcher_dagster.fetching.deletion_doubts import (
    Doubt,
    doubt_of,
    newer_in_place,
)
from tg_fetcher_dagster.fetching.made_day import MadeDay, Scanned
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.storage.candidates import write_candidate
from tg_fetcher_dagster.storage.changes import ChangeRecord
from tg_fetcher_dagster.storage.coverage import Coverage, Loss, mark_in_doubt, read_coverage
from tg_fetcher_dagster.storage.day_writer import DayWriter
from tg_fetcher_dagster.storage.deletions import DeletionRule
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.telegram.spent import Spent

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ReadDay:
    """A day whose last message was read.

    Attributes:
        builder: holds its files, not yet visible.
        began: when the walk came to the day, on the monotonic clock.
        fetched_at: the same moment as a time.
        spent: on Telegram, for the day.
        final: the day was over, and all of it was read.
        lost: what is known to be missing.
        account_user_id: the Telegram user whose account read it.
    """

    day: date
    builder: DayBuilder
    began: float
    fetched_at: datetime
    scanned: Scanned
    spent: Spent
    final: bool
    lost: tuple[Loss, ...] = field(default=())
    account_user_id: int | None = None


TRIES = 5
"""How often a day is compared again because another host has changed it meanwhile."""


def store_day(
    closed: ReadDay, *, request: FetchRequest, context: FetchContext, events: DayEvents
) -> DayReport:
    """Makes a day durable and tells of it; composes, hashes and syncs, so it belongs into a thread.

    Returns:
        What became of the day. A reading that began before the one in place is dropped, and the day is as
        the newer one left it. A reading that lacks too many messages is set aside, and the day has failed.

    Raises:
        FetchError: (storage) the disk refused; the day does not count and is read again.
    """
    paths = context.store.day(request.chat, closed.day)
    events.stage(closed.day, "saving")
    try:
        made = closed.builder.assemble()
        coverage = _coverage(closed, made, request=request, context=context)
        closed.builder.end(coverage)
        writer = closed.builder.writer
        coverage = coverage.model_copy(update={"sizes": writer.seal(made.sides)})
        for _ in range(TRIES):
            with exclusive(paths.lock):
                result = _put(paths, coverage, writer, context=context, events=events)
            if result is not None:
                events.ended(result, closed.spent)
                return result
        raise FetchError(
            ErrorType.STORAGE, f"{request.chat} {closed.day} is being fetched again and again: try it later"
        )
    finally:
        closed.builder.discard()


def _put(
    paths: DayPaths, coverage: Coverage, writer: DayWriter, *, context: FetchContext, events: DayEvents
) -> DayReport | None:
    """Puts a sealed reading in its place; None where the day has changed since it was compared."""
    recover_day(context.ledger, paths)
    before = read_coverage(context.ledger, paths)
    newer = newer_in_place(paths, before, coverage, now=context.now())
    if newer is not None:
        return _superseded(newer, events, seconds=coverage.duration_seconds)
    found = writer.compare(before)
    rule = DeletionRule.from_settings(context.settings)
    doubt = doubt_of(paths, coverage, found, before=before, draft=writer.day_file, rule=rule)
    if doubt is not None:
        return _set_aside(paths, doubt, writer, before=before, reading=coverage, context=context)
    events.stage(paths.day, "postprocess")
    changes = ChangeRecord.of(found.changes) if found.changes else None
    kept = coverage.model_copy(update={"outcome": found.outcome, "changes": changes})
    event, end = events.of_end(paths, kept, told_before=before.checksum_sha256 if before else None)
    keeps_replaced = before is None or before.final or bool(found.vanished)
    intent = Intent(
        request_id=events.request_id,
        coverage=kept,
        moves=writer.moves(found),
        keeps=found.present if found.replaces and keeps_replaced else None,
        end=end,
        event=event.model_dump(mode="json"),
        answers_candidate=True,
        fetching=events.fetching,
    )
    if not commit_day(context.ledger, paths, intent, writer, before=before):
        return None
    return DayReport(chat=paths.chat, day=paths.day, outcome=end, coverage=kept, requests=coverage.requests)


def _superseded(newer: Coverage, events: DayEvents, *, seconds: float) -> DayReport:
    log.info("an older reading was dropped", chat=newer.chat, date=newer.date.isoformat())
    events.skipped(newer, reason="newer", expected=newer.checksum_sha256, seconds=seconds)
    return DayReport(chat=newer.chat, day=newer.date, outcome="skipped", coverage=newer)


def _set_aside(
    paths: DayPaths,
    doubt: Doubt,
    writer: DayWriter,
    *,
    before: Coverage | None,
    reading: Coverage,
    context: FetchContext,
) -> DayReport:
    """Keeps the reading beside the day where it is the first one, and results the day as failed."""
    if doubt.is_first:
        writer.set_aside(paths.candidate_raw)
        write_candidate(paths, doubt.candidate)
    confirm_after = DeletionRule.from_settings(context.settings).confirm_after
    error = doubt.candidate.failure(paths, confirm_after)
    mark_in_doubt(context.ledger, paths, until=doubt.candidate.due(confirm_after), why=error.message)
    log.error("a deletion is not believed", error_type=error.error_type.value, error=error.message)
    return DayReport(
        chat=paths.chat,
        day=paths.day,
        outcome="failed",
        coverage=before,
        error=error,
        seconds=reading.duration_seconds,
    )


def _coverage(closed: ReadDay, made: MadeDay, *, request: FetchRequest, context: FetchContext) -> Coverage:
    reading = {
        "chat": request.chat,
        "date": closed.day,
        "timezone": context.settings.timezone,
        "final": closed.final,
        "scanned_newest_id": closed.scanned.newest_id,
        "scanned_oldest_id": closed.scanned.oldest_id,
        "fetched_at": closed.fetched_at,
        "requests": closed.spent.requests,
        "duration_seconds": round(time.monotonic() - closed.began, 3),
        "limit": request.limit,
        "edge_messages": context.settings.edge_messages,
        "lost": closed.lost,
        "account_user_id": closed.account_user_id,
        "event_request": request.request_id,
        "outcome": "new",
    }
    return Coverage.model_validate({**reading, **made.facts(context.options)})
