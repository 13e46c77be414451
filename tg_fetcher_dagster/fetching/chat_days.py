"""A chat's days: skip what is complete, walk over the rest once, keep each day as soon as it is whole.

A day is made durable as soon as it is proved whole, so a kill costs the days of the last pages at most. A
failure stops the walk over its stretch of days and no other: what is durable stays, what was not reached is
reported as failed with the reason, never as an empty day.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import aclosing
from dataclasses import replace
from datetime import date

import structlog

from tg_fetcher_dagster.chats.access import note_access
from tg_fetcher_dagster.days import newest_first, stretches
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.fetching.committing import recover_intents
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_events import DayEvents
from tg_fetcher_dagster.fetching.day_walk import DayWalk
from tg_fetcher_dagster.fetching.days_on_disk import settled_on_disk
from tg_fetcher_dagster.fetching.failures import failed_days, failure_of, not_reached
from tg_fetcher_dagster.fetching.hidden_history import details_hold, is_asked_below, refused_days
from tg_fetcher_dagster.fetching.moved_chats import gone_on, keep_moved_name
from tg_fetcher_dagster.fetching.reopening import reopen_days
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.ledger.asks import End
from tg_fetcher_dagster.messages.source import source_info
from tg_fetcher_dagster.storage.coverage import Coverage, covered_days, read_coverage
from tg_fetcher_dagster.storage.progress import write_progress
from tg_fetcher_dagster.storage.stragglers import Stragglers
from tg_fetcher_dagster.telegram.access import ChatMigratedError
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster.telegram.resolving import identify
from tg_fetcher_dagster.telegram.spent import Spent

log = structlog.get_logger(__name__)

Reader = Callable[[], Awaitable[TelegramReader]]
"""Returns the run's open reader; opens it at the first call."""


async def fetch_chat(request: FetchRequest, context: FetchContext, reader: Reader) -> list[DayReport]:
    """Fetches the days of one chat that are not complete.

    Returns:
        One result a day, the oldest first; a failed day is a result too.

    Raises:
        FetchError: (validation) the chat's folder is a link out of DATA_DIR; nothing was asked.
    """
    context.store.day(request.chat, request.days[0]).refuse_links()
    events = DayEvents(context, request)
    recover_intents(context.ledger, context.store, request.chat)
    results = {each.day: each for each in await _hidden(request, context, reader)}
    events.not_begun(list(results.values()))
    for day in request.days:
        if day not in results and (settled := _settled_before(day, request, context, events)) is not None:
            results[day] = settled
            events.ended(settled, Spent())
    missing = [day for day in request.days if day not in results]
    # A limit cuts each day short, and then the walk has no reason to go on to the next older one.
    runs = [(day,) for day in sorted(missing)] if request.limit else stretches(missing)
    for run in reversed(runs):
        async for result in _fetch_stretch(
            run[0], run[-1], request=request, context=context, reader=reader, events=events
        ):
            results[result.day] = result
    results |= {
        each.day: each for each in not_reached(request.chat, sorted(set(request.days) - results.keys()))
    }
    if missing:
        _report_progress(request.chat, context, results.values())
    unasked = await _reopened(request, context, results)
    return [*(results[day] for day in sorted(results)), *unasked]


def _report_progress(chat: str, context: FetchContext, results: Collection[DayReport]) -> None:
    known = context.identities.get(chat)
    try:
        write_progress(
            context.settings.progress_path,
            context.ledger,
            chat=chat,
            source=source_info(known).id if known else chat,
            status="failed" if any(each.outcome == "failed" for each in results) else "completed",
        )
    except FetchError as error:
        # A report for those who read it: it decides nothing, so it must not fail what is durable.
        log.warning("progress not reported", chat=chat, error=error.message)


async def _reopened(
    request: FetchRequest, context: FetchContext, results: dict[date, DayReport]
) -> list[DayReport]:
    """Gives stragglers to the days that are done; returns the results of those that were not asked for."""
    changed = {each.day: each for each in await asyncio.to_thread(reopen_days, request.chat, context)}
    for day in changed.keys() & results.keys():
        results[day] = replace(results[day], coverage=changed.pop(day).coverage)
    return [replace(each, asked=False) for each in changed.values()]


async def _hidden(request: FetchRequest, context: FetchContext, reader: Reader) -> list[DayReport]:
    """Returns the days that the chat is known to hide; it is looked at again where that is long ago."""
    identity = context.identities.get(request.chat)
    if identity is None or not is_asked_below(request, identity):
        return []
    holds = details_hold(identity, context.now()) and not request.force
    try:
        refused = await refused_days(request, context, None if holds else await reader())
    except FetchError as error:
        note_access(context.ledger, request.chat, error)
        return failed_days(request.chat, request.days, error)
    return [
        DayReport(chat=request.chat, day=day, outcome="failed", error=error) for day, error in refused.items()
    ]


def _settled_before(
    day: date, request: FetchRequest, context: FetchContext, events: DayEvents
) -> DayReport | None:
    """Returns the result of a day that needs no fetch, and tells of it where nobody did.

    What cannot be read of one day's records is that day's failure and no other's.
    """
    paths = context.store.day(request.chat, day)
    try:
        coverage = read_coverage(context.ledger, paths)
        if coverage is not None and coverage.event_request == request.request_id:
            # An earlier attempt at this request read the day: it is not read again, not even by force.
            return _result(coverage)
        settled = settled_on_disk(day, request, context, events)
        if settled is None:
            Stragglers.beside(paths).known(day)  # the walk would meet the damage and end for all its days
    except Exception as error:  # noqa: BLE001 - one day's damage is not the other days'
        failure = failure_of(error, about=f"{request.chat} {day}")
        log.warning("a day cannot be fetched", chat=request.chat, date=str(day), error=failure.message)
        return DayReport(chat=request.chat, day=day, outcome="failed", error=failure)
    return settled


def kept_days(request: FetchRequest, context: FetchContext) -> list[DayReport]:
    """Returns the results of the days that this request has made durable so far, the oldest first.

    Raises:
        FetchError: (storage) the ledger cannot be read.
    """
    covered = covered_days(context.ledger, request.chat, min(request.days), max(request.days))
    return [
        _result(covered[day])
        for day in sorted(request.days)
        if day in covered and covered[day].event_request == request.request_id
    ]


def _result(coverage: Coverage) -> DayReport:
    outcome: End = "unchanged" if coverage.outcome == "unchanged" else "fetched"
    return DayReport(chat=coverage.chat, day=coverage.date, outcome=outcome, coverage=coverage)


async def _fetch_stretch(
    first: date,
    last: date,
    *,
    request: FetchRequest,
    context: FetchContext,
    reader: Reader,
    events: DayEvents,
) -> AsyncIterator[DayReport]:
    """Walks once over neighbouring days and yields each day's result as soon as the day is durable."""
    left = list(newest_first(first, last))
    since = time.monotonic()
    walk: DayWalk | None = None
    try:
        telegram = await reader()
        identity = await identify(telegram, context.identities, request.chat)
        events.notice = context.identities.notice(request.chat)
        while True:
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
                async with aclosing(walk.run()) as results:
                    async for result in results:
                        left.remove(result.day)
                        since = time.monotonic()
                        yield result
                break
            except ChatMigratedError as moved:
                identity = gone_on(identity, moved, context, telegram)
        note_access(context.ledger, request.chat, None)
    except Exception as error:  # noqa: BLE001 - one chat's trouble is not the other chats'
        failure = failure_of(error, about=f"chat {request.chat}")
        keep_moved_name(failure, context)
        note_access(context.ledger, request.chat, failure)
        failed = failed_days(request.chat, left, failure, seconds=time.monotonic() - since)
        begun = [each for each in failed if events.has_begun(each.day)]
        for result in begun:
            events.ended(result, walk.spent_on(result.day) if walk else Spent())
        events.not_begun([each for each in failed if each not in begun])
        for result in failed:
            yield result
