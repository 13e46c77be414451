"""A day that the walk has passed becomes durable: its files, then its event, then what is proved of it.

The order makes a kill at any line harmless: a day counts only once its coverage is written, and an event that
is told twice is silent the second time.
"""

import time
from dataclasses import dataclass, field
from datetime import date, datetime

import structlog

from tg_fetcher_dagster.fetching.day_builder import DayBuilder, FinishedDay, Scanned
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.fetching.telling import Teller
from tg_fetcher_dagster.fetching.workshop import Workshop
from tg_fetcher_dagster.storage.coverage import Coverage, Loss, read_coverage, write_coverage

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClosedDay:
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


def keep(closed: ClosedDay, *, request: FetchRequest, workshop: Workshop, teller: Teller) -> DayReport:
    """Makes a day durable and tells of it; composes, hashes and syncs, so it belongs into a thread.

    Raises:
        FetchError: (storage) the disk refused; the day does not count and is read again.
    """
    paths = workshop.store.day(request.chat, closed.day)
    before = read_coverage(paths)
    teller.stage(closed.day, "saving")
    try:
        finished = closed.builder.finish(
            scanned=closed.scanned,
            requests=closed.requests,
            final=closed.final,
            keep_replaced=before is None or before.final,
        )
    finally:
        closed.builder.discard()
    teller.stage(closed.day, "postprocess")
    coverage = _coverage(closed, finished, request=request, workshop=workshop)
    teller.kept(paths, coverage, told_before=before.checksum_sha256 if before else None)
    write_coverage(paths, coverage)
    log.info(
        "day kept",
        chat=request.chat,
        date=closed.day.isoformat(),
        outcome=coverage.outcome,
        message_count=coverage.message_count,
        comment_count=coverage.comment_count,
        requests=closed.requests,
        final=closed.final,
        duration_seconds=coverage.duration_seconds,
    )
    return DayReport(
        chat=request.chat,
        day=closed.day,
        outcome="unchanged" if coverage.outcome == "unchanged" else "fetched",
        coverage=coverage,
        requests=closed.requests,
    )


def _coverage(
    closed: ClosedDay, finished: FinishedDay, *, request: FetchRequest, workshop: Workshop
) -> Coverage:
    statistics = finished.statistics
    settings = workshop.settings
    return Coverage(
        chat=request.chat,
        date=closed.day,
        timezone=settings.timezone,
        final=closed.final,
        message_count=statistics.message_count,
        comment_count=finished.comment_count,
        checksum_sha256=finished.assembled.checksum_sha256,
        size_bytes=finished.assembled.size_bytes,
        scanned_newest_id=closed.scanned.newest_id,
        scanned_oldest_id=closed.scanned.oldest_id,
        newest_message_id=statistics.newest_id,
        fetched_at=closed.fetched_at,
        requests=closed.requests,
        duration_seconds=round(time.monotonic() - closed.began, 3),
        first_message_ts=statistics.first_message_ts,
        last_message_ts=statistics.last_message_ts,
        estimated_tokens_total=statistics.estimated_tokens_total,
        schema_version=settings.data_schema_version,
        preprocessing_version=settings.preprocessing_version,
        limit=request.limit,
        lost=closed.lost,
        account_user_id=closed.account_user_id,
        outcome=finished.published.outcome,
        event_request=request.request_id,
    )
