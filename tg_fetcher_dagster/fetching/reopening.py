"""A day that is done is opened again for messages that came under other days' ids, and told of again.

What the day was read from stays: its raw file is copied with the stragglers in their places, and the day is
made from the copy. No request is sent.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import orjson
import structlog

from tg_fetcher_dagster.durable_files import exclusive
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_events import DayEvents
from tg_fetcher_dagster.fetching.rebuild import facts_of, put_day
from tg_fetcher_dagster.fetching.replaying import replay
from tg_fetcher_dagster.fetching.request import DayResult, FetchRequest
from tg_fetcher_dagster.storage.coverage import OF_THE_FILES, Coverage, read_coverage
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import RawWriter, read_raw
from tg_fetcher_dagster.storage.stragglers import Stragglers

log = structlog.get_logger(__name__)

Lines = Iterable[dict[str, Any]]

TRIES = 3
"""How often a day is opened anew because a fetch has put another raw file in its place meanwhile."""


def reopen_days(chat: str, context: FetchContext) -> list[DayResult]:
    """Gives the stragglers of a chat to those of their days that are done; days that are not take them later.

    Returns:
        A report for each day that has changed, the oldest first; one that could not be opened keeps its
        stragglers.
    """
    stragglers = Stragglers(context.store, chat)
    reports = []
    for day in stragglers.days():
        paths = context.store.day(chat, day)
        try:
            if read_coverage(paths) is not None and (report := _reopen(paths, stragglers, context)):
                reports.append(report)
        except FetchError as error:
            log.warning(
                "a day cannot be opened again yet", chat=chat, date=day.isoformat(), error=error.message
            )
    return reports


def _reopen(paths: DayPaths, stragglers: Stragglers, context: FetchContext) -> DayResult | None:
    waiting = stragglers.read(paths.day)
    for _ in range(TRIES):
        looked = facts_of(paths.raw)
        merged = stragglers.merged_raw(paths.day)
        _write(merged_lines(read_raw(paths.raw), waiting), RawWriter(merged))
        replayed = replay(merged, paths, context.options, adopt=True)
        try:
            sizes = replayed.builder.writer.seal(replayed.made.sides)
            with exclusive(paths.lock):
                before = read_coverage(paths)
                if before is None or facts_of(paths.raw) != looked:
                    continue
                files = replayed.coverage.model_dump(include=set(OF_THE_FILES))
                coverage = before.model_copy(update={**files, "sizes": sizes, "needs_read": None})
                made = put_day(paths, replayed, coverage, before, events_of=partial(_events, context))
                stragglers.take_in(paths.day)
        finally:
            replayed.builder.discard()
        if made.outcome == "unchanged":
            return None
        log.info(
            "a day was opened again",
            chat=paths.chat,
            date=paths.day.isoformat(),
            message_count=made.coverage.message_count,
        )
        return DayResult(chat=paths.chat, day=paths.day, outcome="fetched", coverage=made.coverage)
    raise FetchError(ErrorType.STORAGE, "it is being fetched again and again")


def merged_lines(lines: Lines, stragglers: Lines) -> Iterator[dict[str, Any]]:
    """Yields a day's raw lines with stragglers where their ids place them, newest first; none comes twice.

    Args:
        lines: the day's raw lines.
        stragglers: lines of the kinds `user`, `chat` and `message`, in any order.
    """
    given = list(stragglers)
    waiting = {line["value"]["id"]: line for line in given if line["kind"] == "message"}
    order = sorted(waiting)
    added = 0
    for line in lines:
        number = line["value"]["id"] if line["kind"] == "message" else None
        if line["kind"] == "end":
            number = -1
        while number is not None and order and order[-1] >= number:
            newest = order.pop()
            if newest != number:
                added += 1
                yield waiting[newest]
        if line["kind"] == "end":
            yield {**line, "messages": line["messages"] + added}
            continue
        yield line
        if line["kind"] == "day":
            yield from (each for each in given if each["kind"] != "message")


def _write(lines: Lines, raw: RawWriter) -> None:
    try:
        for line in lines:
            raw.write(orjson.dumps(line))
        raw.seal()
        raw.publish()
    finally:
        raw.discard()


def _events(context: FetchContext, then: Coverage) -> DayEvents:
    """Returns who tells of the change: the same for the same content, so that a kill tells nothing twice."""
    request_id = f"reopen-{then.checksum_sha256[:40]}"
    request = FetchRequest(request_id=request_id, chat=then.chat, days=(then.date,))
    return DayEvents(context.outbox, context.settings, request)
