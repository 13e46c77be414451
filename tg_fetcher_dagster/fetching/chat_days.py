"""A chat's days: skip what is complete, walk over the rest once, keep each day as soon as it is whole.

A day is made durable as soon as it is proved whole, so a kill costs the days of the last pages at most. A
failure stops the walk over its stretch of days and no other: what is durable stays, what was not reached is
reported as failed with the reason, never as an empty day.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import date

import structlog

from tg_fetcher_dagster.chats.access import note_access
from tg_fetcher_dagster.days import newest_first, stretches
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_events import DayEvents
from tg_fetcher_dagster.fetching.day_walk import DayWalk
from tg_fetcher_dagster.fetching.hidden_history import details_hold, is_asked_below, refused_days
from tg_fetcher_dagster.fetching.identifying import gone_on, keep_moved_name
from tg_fetcher_dagster.fetching.reopening import reopen_days
from tg_fetcher_dagster.fetching.request import DayResult, FetchRequest, Outcome
from tg_fetcher_dagster.fetching.restoring import settled_on_disk
from tg_fetcher_dagster.messages.source import source_info
from tg_fetcher_dagster.storage.coverage import Coverage, read_coverage
from tg_fetcher_dagster.storage.progress import write_progress
from tg_fetcher_dagster.telegram.access import ChatMigratedError
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster.telegram.resolving import identify

log = structlog.get_logger(__name__)

Reader = Callable[[], Awaitable[TelegramReader]]
"""Returns the run's open reader; opens it at the first call."""


async def fetch_chat(request: FetchRequest, context: FetchContext, reader: Reader) -> list[DayResult]:
    """Fetches the days of one chat that are not complete.

    Returns:
        One report a day, the oldest first; a failed day is a report too.

    Raises:
        FetchError: (validation) the chat's folder is a link out of DATA_DIR; nothing was asked.
    """
    context.store.day(request.chat, request.days[0]).refuse_links()
    events = DayEvents(context.outbox, context.settings, request)
    reports: dict[date, DayResult] = {
        day: DayResult(chat=request.chat, day=day, outcome="failed", error=error)
        for day, error in (await _hidden(request, context, reader)).items()
    }
    for day in request.days:
        if day in reports:
            continue
        try:
            settled = _settled_before(day, request, context, events)
        except FetchError as error:
            settled = DayResult(chat=request.chat, day=day, outcome="failed", error=error)
        if settled is not None:
            reports[day] = settled
    missing = [day for day in request.days if day not in reports]
    # A limit cuts each day short, and then the walk has no reason to go on to the next older one.
    runs = [(day,) for day in sorted(missing)] if request.limit else stretches(missing)
    for run in reversed(runs):
        async for report in _fetch_stretch(
            run[0], run[-1], request=request, context=context, reader=reader, events=events
        ):
            reports[report.day] = report
    if missing:
        failed = any(report.outcome == "failed" for report in reports.values())
        known = context.identities.get(request.chat)
        try:
            write_progress(
                context.settings.progress_path,
                context.store,
                chat=request.chat,
                source=source_info(known).id if known else request.chat,
                status="failed" if failed else "completed",
            )
        except FetchError as error:
            # A report for those who read it: it decides nothing, so it must not fail what is durable.
            log.warning("progress not reported", chat=request.chat, error=error.message)
    unasked = await _reopened(request, context, reports)
    return [*(reports[day] for day in sorted(reports)), *unasked]


async def _reopened(
    request: FetchRequest, context: FetchContext, reports: dict[date, DayResult]
) -> list[DayResult]:
    """Gives stragglers to the days that are done; returns the reports of those that were not asked for."""
    changed = {report.day: report for report in await asyncio.to_thread(reopen_days, request.chat, context)}
    for day in changed.keys() & reports.keys():
        reports[day] = replace(reports[day], coverage=changed.pop(day).coverage)
    return [replace(report, asked=False) for report in changed.values()]


async def _hidden(request: FetchRequest, context: FetchContext, reader: Reader) -> dict[date, FetchError]:
    """Returns the days that the chat is known to hide; it is looked at again where that is long ago."""
    identity = context.identities.get(request.chat)
    if identity is None or not is_asked_below(request, identity):
        return {}
    holds = details_hold(identity, context.now()) and not request.force
    try:
        return await refused_days(request, context, None if holds else await reader())
    except FetchError as error:
        note_access(context.ledger, request.chat, error)
        return dict.fromkeys(request.days, error)


def _settled_before(
    day: date, request: FetchRequest, context: FetchContext, events: DayEvents
) -> DayResult | None:
    """Returns the report of a day that needs no fetch, and tells of it where nobody did."""
    paths = context.store.day(request.chat, day)
    coverage = read_coverage(paths)
    if coverage and coverage.event_request == request.request_id and events.is_told(day):
        # An earlier attempt at this request read the day: it is not read again, not even by force.
        return _report(coverage)
    return settled_on_disk(day, request, context, events)


def kept_days(request: FetchRequest, context: FetchContext) -> list[DayResult]:
    """Returns the reports of the days that this request has made durable so far, the oldest first."""
    events = DayEvents(context.outbox, context.settings, request)
    reports = []
    for day in sorted(request.days):
        coverage = read_coverage(context.store.day(request.chat, day))
        if coverage is not None and coverage.event_request == request.request_id and events.is_told(day):
            reports.append(_report(coverage))
    return reports


def _report(coverage: Coverage) -> DayResult:
    outcome: Outcome = "unchanged" if coverage.outcome == "unchanged" else "fetched"
    return DayResult(chat=coverage.chat, day=coverage.date, outcome=outcome, coverage=coverage)


async def _fetch_stretch(
    first: date,
    last: date,
    *,
    request: FetchRequest,
    context: FetchContext,
    reader: Reader,
    events: DayEvents,
) -> AsyncIterator[DayResult]:
    """Walks once over neighbouring days and yields each day's report as soon as the day is durable."""
    left = list(newest_first(first, last))
    try:
        telegram = await reader()
        identity = await identify(telegram, context.identities, request.chat)
        events.notice = context.identities.notice(request.chat)
        while left:
            walk = DayWalk(
                request=request,
                context=context,
                telegram=telegram,
                identity=identity,
                events=events,
                first=left[-1],
                last=left[0],
            )
            try:
                async with aclosing(walk.run()) as reports:
                    async for report in reports:
                        left.remove(report.day)
                        yield report
            except ChatMigratedError as moved:
                identity = gone_on(identity, moved, context, telegram)
        note_access(context.ledger, request.chat, None)
    except Exception as error:  # noqa: BLE001 - one chat's trouble is not the other chats'
        failure = failure_of(error, about=f"chat {request.chat}")
        keep_moved_name(failure, context)
        note_access(context.ledger, request.chat, failure)
        log.warning(
            "days not fetched",
            chat=request.chat,
            days=[day.isoformat() for day in left],
            error_type=failure.error_type.value,
            error=failure.message,
        )
        for day in left:
            yield DayResult(chat=request.chat, day=day, outcome="failed", error=failure)


def failure_of(error: Exception, *, about: str) -> FetchError:
    """Returns the failure that an exception is; an unforeseen one is logged with its stack trace."""
    if isinstance(error, FetchError):
        return error
    log.error("an unforeseen fault", about=about, exc_info=error)
    return FetchError(ErrorType.INTERNAL, f"{about}: {type(error).__name__}: {error}")
