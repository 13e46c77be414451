"""A day that is done is opened again for messages that came under other days' ids, and told of again.

What the day was read from stays: its raw file is copied with the stragglers in their places, and the day is
made from the copy. No request is sent.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import structlog

from tg_fetcher_dagster.durable_files import exclusive
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.committing import recover_day
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_end import unasked
from tg_fetcher_dagster.fetching.failures import failure_of
from tg_fetcher_dagster.fetching.rebuild import facts_of, put_day
from tg_fetcher_dagster.fetching.replaying import replay
from tg_fetcher_dagster.fetching.request import DayReport
from tg_fetcher_dagster.storage.coverage import OF_THE_FILES, read_coverage
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import RawWriter, read_raw
from tg_fetcher_dagster.storage.stragglers import Stragglers

log = structlog.get_logger(__name__)

Lines = Iterable[dict[str, Any]]

TRIES = 3
"""How often a day is opened anew because a fetch has put another raw file in its place meanwhile."""


def reopen_days(chat: str, context: FetchContext) -> list[DayReport]:
    """Gives the stragglers of a chat to those of their days that are done; days that are not take them later.

    Returns:
        A result for each day that has changed, the oldest first; one that could not be opened keeps its
        stragglers.
    """
    stragglers = Stragglers.of(context.store, chat)
    results = []
    for day in stragglers.days():
        paths = context.store.day(chat, day)
        try:
            is_done = read_coverage(context.ledger, paths) is not None
            if is_done and (result := _reopen(paths, stragglers, context)) is not None:
                results.append(result)
        except Exception as error:  # noqa: BLE001 - the other days' results are not to be lost by it
            failure = failure_of(error, about=f"{chat} {day}")
            log.warning(
                "a day cannot be opened again yet", chat=chat, date=day.isoformat(), error=failure.message
            )
    return results


def _reopen(paths: DayPaths, stragglers: Stragglers, context: FetchContext) -> DayReport | None:
    waiting = stragglers.read(paths.day)
    for _ in range(TRIES):
        looked = facts_of(paths.raw)
        merged = stragglers.merged_raw(paths.day)
        _write(merged_lines(read_raw(paths.raw), waiting), RawWriter(merged))
        replayed = replay(merged, paths, context.options, ledger=context.ledger, adopt=True)
        try:
            sizes = replayed.builder.writer.seal(replayed.made.sides)
            with exclusive(paths.lock):
                recover_day(context.ledger, paths)
                before = read_coverage(context.ledger, paths)
                if before is None or facts_of(paths.raw) != looked:
                    continue
                files = replayed.coverage.model_dump(include=set(OF_THE_FILES))
                coverage = before.model_copy(update={**files, "sizes": sizes, "needs_read": None})
                made = put_day(
                    paths,
                    replayed,
                    coverage,
                    before,
                    context=context,
                    told_as=lambda _then: unasked("reopen"),
                    takes_stragglers=True,
                )
        finally:
            replayed.builder.discard()
        if made is None:
            continue
        if made.outcome == "unchanged":
            return None
        log.info(
            "a day was opened again",
            chat=paths.chat,
            date=paths.day.isoformat(),
            message_count=made.coverage.message_count,
        )
        return DayReport(chat=paths.chat, day=paths.day, outcome="fetched", coverage=made.coverage)
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
