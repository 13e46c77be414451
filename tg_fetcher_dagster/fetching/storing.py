"""A day that the walk has passed becomes durable: its files, then its event, then what is proved of it.

The order makes a kill at any line harmless: a day counts only once its coverage is written, and an event that
is told twice is silent the second time. All of it happens under the chat's lock, so that of two readings of
one day the one that began later stays, whichever comes to its end first.
"""

import time
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import structlog

from tg_fetcher_dagster.durable_files import exclusive
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_builder import DayBuilder, MadeDay, Scanned
from tg_fetcher_dagster.fetching.day_events import DayEvents
from tg_fetcher_dagster.fetching.deletion_doubts import (
    Doubt,
    doubt_of,
    drop_what_was_answered,
    newer_in_place,
)
from tg_fetcher_dagster.fetching.request import DayResult, FetchRequest
from tg_fetcher_dagster.messages.day import MappingOptions
from tg_fetcher_dagster.storage.candidates import write_candidate
from tg_fetcher_dagster.storage.changes import ChangeRecord
from tg_fetcher_dagster.storage.coverage import Coverage, Loss, read_coverage, write_coverage
from tg_fetcher_dagster.storage.day_writer import DayWriter
from tg_fetcher_dagster.storage.deletions import DeletionRule
from tg_fetcher_dagster.storage.paths import DayPaths

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ReadDay:
    """A day whose last message was read.

    Attributes:
        builder: holds its files, not yet visible.
        began: when the walk came to the day, on the monotonic clock.
        fetched_at: the same moment as a time.
        requests: made for the day.
        final: the day was over, and all of it was read.
        lost: what is known to be missing.
        account_user_id: the Telegram user whose account read it.
    """

    day: date
    builder: DayBuilder
    began: float
    fetched_at: datetime
    scanned: Scanned
    requests: int
    final: bool
    lost: tuple[Loss, ...] = field(default=())
    account_user_id: int | None = None


def store_day(
    closed: ReadDay, *, request: FetchRequest, context: FetchContext, events: DayEvents
) -> DayResult:
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
        with exclusive(paths.lock):
            before = read_coverage(paths)
            newer = newer_in_place(paths, before, coverage, now=context.now())
            if newer is not None:
                return _superseded(newer, events)
            found = writer.compare(before)
            rule = DeletionRule.from_settings(context.settings)
            doubt = doubt_of(paths, coverage, found, before=before, draft=writer.day_file, rule=rule)
            if doubt is not None:
                return _set_aside(paths, doubt, writer, before, rule)
            writer.publish(found, keep_replaced=before is None or before.final or bool(found.vanished))
            drop_what_was_answered(paths, coverage)
            events.stage(closed.day, "postprocess")
            changes = ChangeRecord.of(found.changes) if found.changes else None
            kept = coverage.model_copy(update={"outcome": found.outcome, "changes": changes})
            settle(paths, kept, before=before, events=events)
    finally:
        closed.builder.discard()
    return DayResult(
        chat=request.chat,
        day=closed.day,
        outcome="unchanged" if kept.outcome == "unchanged" else "fetched",
        coverage=kept,
        requests=closed.requests,
    )


def settle(paths: DayPaths, kept: Coverage, *, before: Coverage | None, events: DayEvents) -> None:
    """Tells of a day whose files are in their places, then makes it durable; the chat's lock must be held.

    Args:
        paths: where the day is.
        kept: what is proved of it, and what was found.
        before: what was proved of it until now.
        events: who tells.

    Raises:
        FetchError: (storage) the disk refused; the day does not count and is read again.
    """
    events.kept(paths, kept, told_before=before.checksum_sha256 if before else None)
    write_coverage(paths, kept)
    log.info(
        "day kept",
        chat=paths.chat,
        date=paths.day.isoformat(),
        outcome=kept.outcome,
        message_count=kept.message_count,
        comment_count=kept.comment_count,
        requests=kept.requests,
        final=kept.final,
        duration_seconds=kept.duration_seconds,
    )


def _superseded(newer: Coverage, events: DayEvents) -> DayResult:
    log.info("an older reading was dropped", chat=newer.chat, date=newer.date.isoformat())
    events.skipped(newer, reason="newer", expected=newer.checksum_sha256)
    return DayResult(chat=newer.chat, day=newer.date, outcome="skipped", coverage=newer)


def _set_aside(
    paths: DayPaths, doubt: Doubt, writer: DayWriter, before: Coverage | None, rule: DeletionRule
) -> DayResult:
    """Keeps the reading beside the day where it is the first one, and reports the day as failed."""
    if doubt.is_first:
        writer.set_aside(paths.candidate_raw)
        write_candidate(paths, doubt.candidate)
    error = doubt.candidate.failure(paths, rule.confirm_after)
    log.error("a deletion is not believed", error_type=error.error_type.value, error=error.message)
    return DayResult(chat=paths.chat, day=paths.day, outcome="failed", coverage=before, error=error)


def _coverage(closed: ReadDay, made: MadeDay, *, request: FetchRequest, context: FetchContext) -> Coverage:
    reading = {
        "chat": request.chat,
        "date": closed.day,
        "timezone": context.settings.timezone,
        "final": closed.final,
        "scanned_newest_id": closed.scanned.newest_id,
        "scanned_oldest_id": closed.scanned.oldest_id,
        "fetched_at": closed.fetched_at,
        "requests": closed.requests,
        "duration_seconds": round(time.monotonic() - closed.began, 3),
        "limit": request.limit,
        "edge_messages": context.settings.edge_messages,
        "lost": closed.lost,
        "account_user_id": closed.account_user_id,
        "event_request": request.request_id,
        "outcome": "new",
    }
    return Coverage.model_validate({**reading, **of_the_files(made, context.options)})


def of_the_files(made: MadeDay, options: MappingOptions) -> dict[str, Any]:
    """Returns what a coverage says of a day's files (its OF_THE_FILES), but for their sizes."""
    return {
        "message_count": made.statistics.message_count,
        "comment_count": made.comment_count,
        "checksum_sha256": made.assembled.checksum_sha256,
        "size_bytes": made.assembled.size_bytes,
        "newest_message_id": made.statistics.newest_id,
        "first_message_ts": made.statistics.first_message_ts,
        "last_message_ts": made.statistics.last_message_ts,
        "estimated_tokens_total": made.statistics.estimated_tokens_total,
        "schema_version": options.schema_version,
        "preprocessing_version": options.preprocessing_version,
    }
