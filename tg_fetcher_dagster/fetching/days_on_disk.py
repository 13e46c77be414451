"""A day that the disk can answer for: complete, made whole again from its raw file, or waiting in doubt.

Nothing here asks Telegram.
"""

import time
from datetime import date

import structlog

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_end import unasked
from tg_fetcher_dagster.fetching.day_events import DayEvents
from tg_fetcher_dagster.fetching.rebuild import Rebuilt, rebuild_day
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.storage.candidates import Candidate, read_candidate
from tg_fetcher_dagster.storage.coverage import Coverage, mark_in_doubt, read_coverage
from tg_fetcher_dagster.storage.damage import look
from tg_fetcher_dagster.storage.deletions import DeletionRule
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import RawFileError

log = structlog.get_logger(__name__)


def settled_on_disk(
    day: date, request: FetchRequest, context: FetchContext, events: DayEvents
) -> DayReport | None:
    """Returns the result of a day that needs no fetch, and tells of it; None where it must be read.

    Files that are gone or of another size are made again from the raw file first, also before a day is read:
    what was kept is what the new reading is held against.

    Raises:
        FetchError: (storage) the disk refused.
    """
    began = time.monotonic()
    paths = context.store.day(request.chat, day)
    coverage = read_coverage(context.ledger, paths)
    candidate = read_candidate(paths)
    by_reading = request.force or context.settings.force_refetch or candidate is not None
    restored = None
    if _is_damaged(paths, coverage):
        restored = _restored(paths, context, request, by_reading=by_reading)
        coverage = restored.coverage if restored is not None else None
    if candidate is not None and _waits(candidate, coverage, request, context):
        confirm_after = DeletionRule.from_settings(context.settings).confirm_after
        error = candidate.failure(paths, confirm_after)
        mark_in_doubt(context.ledger, paths, until=candidate.due(confirm_after), why=error.message)
        return DayReport(chat=request.chat, day=day, outcome="failed", coverage=coverage, error=error)
    if by_reading or coverage is None or not coverage.settled:
        return None
    if restored is not None and restored.outcome != "unchanged":
        return DayReport(chat=request.chat, day=day, outcome="fetched", coverage=coverage)
    seconds = time.monotonic() - began
    events.skipped(coverage, reason="complete", expected=coverage.checksum_sha256, seconds=seconds)
    return DayReport(chat=request.chat, day=day, outcome="skipped", coverage=coverage)


def _is_damaged(paths: DayPaths, coverage: Coverage | None) -> bool:
    """Whether a day lacks what it had; one that was never read does not."""
    return paths.raw.is_file() if coverage is None else bool(look(paths, coverage))


def _waits(
    candidate: Candidate, coverage: Coverage | None, request: FetchRequest, context: FetchContext
) -> bool:
    """Whether a reading now would settle nothing: another attempt, or a day that is over, read too soon.

    An unfinished day is read all the same, for what is written on it meanwhile.
    """
    if candidate.request_id == request.request_id:
        return True
    if request.force or context.settings.force_refetch or coverage is None or not coverage.settled:
        return False
    rule = DeletionRule.from_settings(context.settings)
    return context.now() < candidate.due(rule.confirm_after)


def _restored(
    paths: DayPaths, context: FetchContext, request: FetchRequest, *, by_reading: bool
) -> Rebuilt | None:
    """Makes a day's files again from its raw file; None where that cannot be, and the day must be read.

    Where the request ends by it, the request tells of it; where a reading follows, the change has a request
    of its own, since each request tells how a day ended once.
    """

    def told_as(then: Coverage) -> str:
        return request.request_id if then.settled and not by_reading else unasked("restore")

    try:
        made = rebuild_day(paths.chat, paths.day, context, told_as=told_as)
    except FetchError as error:
        if not isinstance(error, RawFileError) and error.error_type is not ErrorType.INTERNAL:
            raise
        log.warning("a damaged day must be read again", date=paths.day.isoformat(), error=error.message)
        return None
    mended = [part.value for part in made.mended]
    log.warning("a damaged day was restored from its raw file", date=paths.day.isoformat(), mended=mended)
    return made
