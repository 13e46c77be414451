"""One walk over a chat's history, newest first, split into days (telegram.md, 1 to 3)."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any

import structlog

from tg_fetcher_dagster.commands.identity import ChatIdentity
from tg_fetcher_dagster.fetching.day_builder import DayBuilder, FinishedDay, Scanned
from tg_fetcher_dagster.fetching.days import ONE_DAY, day_of, day_start
from tg_fetcher_dagster.fetching.entities import mentioned
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.fetching.telling import Teller
from tg_fetcher_dagster.fetching.workshop import Workshop
from tg_fetcher_dagster.storage.coverage import Coverage, Loss, read_coverage, write_coverage
from tg_fetcher_dagster.telegram.comments import Comments
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster.telegram.records import LAYER, Record
from tg_fetcher_dagster.telegram.walk import Page

log = structlog.get_logger(__name__)


@dataclass
class _DayInMaking:
    """The day that the walk is in."""

    day: date
    builder: DayBuilder
    began: float
    fetched_at: datetime
    requests_before: int
    newest_id: int | None
    oldest_id: int | None = None
    lost: list[Loss] = field(default_factory=list)

    @property
    def message_count(self) -> int:
        return self.builder.message_count


async def _in_a_thread(work: Callable[..., FinishedDay], **arguments: Any) -> FinishedDay:  # noqa: ANN401
    """Runs the work beside the loop, and to its end even when the walk is cancelled meanwhile."""
    finishing = asyncio.ensure_future(asyncio.to_thread(work, **arguments))
    try:
        return await asyncio.shield(finishing)
    except asyncio.CancelledError:
        await asyncio.wait([finishing])
        raise


class DayWalk:
    """Walks over one stretch of neighbouring days of one chat."""

    def __init__(
        self,
        *,
        request: FetchRequest,
        workshop: Workshop,
        telegram: TelegramReader,
        identity: ChatIdentity,
        teller: Teller,
    ) -> None:
        self._request = request
        self._workshop = workshop
        self._telegram = telegram
        self._identity = identity
        self._teller = teller
        self._zone = workshop.settings.zone
        self._may_have_comments = identity.type == "channel"
        self._day: _DayInMaking | None = None
        self._requests_told = telegram.requests_made

    async def run(self, first: date, last: date) -> AsyncGenerator[DayReport, None]:
        """Yields the report of each day, the newest first, as soon as the day is durable.

        Raises:
            FetchError: the walk cannot go on; the days that were not yielded are not fetched.
        """
        start, end = day_start(first, self._zone), day_start(last + ONE_DAY, self._zone)
        self._begin(last, newest_id=None)
        try:
            async with aclosing(self._telegram.history(self._identity, start, end)) as pages:
                async for page in pages:
                    async for report in self._take(page):
                        yield report
                    if self._is_full():
                        break
            while True:
                day = self._current.day
                yield await self._close(older_id=None)
                if day == first:
                    break
                self._begin(day - ONE_DAY, newest_id=None)
        finally:
            if self._day is not None:
                self._day.builder.discard()

    @property
    def _current(self) -> _DayInMaking:
        if self._day is None:
            raise RuntimeError("no day is in the making")
        return self._day

    def _begin(self, day: date, *, newest_id: int | None) -> None:
        paths = self._workshop.store.day(self._request.chat, day)
        fetched_at = self._workshop.clock()
        builder = DayBuilder(paths=paths, identity=self._identity, day=day, options=self._workshop.options)
        self._day = _DayInMaking(
            day=day,
            builder=builder,
            began=time.monotonic(),
            fetched_at=fetched_at,
            requests_before=self._requests_told,
            newest_id=newest_id,
        )
        builder.begin(identity=self._identity, day=day, layer=LAYER, fetched_at=fetched_at)
        self._teller.started(day)
        self._teller.stage(day, "fetching")

    async def _take(self, page: Page) -> AsyncIterator[DayReport]:
        """Gives a page's messages to their days, closing each day that the walk has passed."""
        days = [(day, list(group)) for day, group in groupby(page.messages, key=self._day_of)]
        for day, messages in days:
            while self._current.day > day:
                closing = self._current
                newer_id = closing.oldest_id or closing.newest_id
                yield await self._close(older_id=messages[0].id)
                self._begin(closing.day - ONE_DAY, newest_id=newer_id - 1 if newer_id else None)
            whole_page = len(days) == 1
            self._current.builder.add_entities(
                page.users if whole_page else mentioned(messages, page.users),
                page.chats if whole_page else mentioned(messages, page.chats),
            )
            for message in messages:
                if self._is_full():
                    break
                self._add(message, await self._comments(message) if self._may_have_comments else None)

    def _day_of(self, message: Record) -> date:
        if message.date is None:
            raise RuntimeError("a message without a date")
        return day_of(message.date, self._zone)

    def _add(self, message: Record, comments: Comments | None) -> None:
        day = self._current
        wanted = self._workshop.settings.comments_limit_per_message
        if comments is not None and comments.outcome == "unavailable" and wanted:
            day.lost.append(Loss(what=f"comments of post {message.id}", why=comments.reason or "unknown"))
        day.builder.add_message(message, comments)
        day.newest_id = day.newest_id or message.id
        day.oldest_id = message.id
        self._teller.progress(day.day, day.message_count)

    async def _comments(self, message: Record) -> Comments | None:
        """Reads what was written below a channel's post; no request where nothing was."""
        limit = self._workshop.settings.comments_limit_per_message
        replies = message.value.get("replies") or {}
        if not replies.get("comments") or not replies.get("replies"):
            return None
        if not limit:
            return Comments(outcome="unavailable", reason="turned off by COMMENTS_LIMIT_PER_MESSAGE=0")
        return await self._telegram.comments(self._identity, message.id, limit)

    def _is_full(self) -> bool:
        limit = self._request.limit
        return limit is not None and self._current.message_count >= limit

    async def _close(self, *, older_id: int | None) -> DayReport:
        """Makes the day durable, then its event, then what is proved of it: a kill between loses nothing."""
        day = self._current
        final = self._request.limit is None and day.fetched_at >= day_start(day.day + ONE_DAY, self._zone)
        scanned = Scanned(
            newest_id=day.newest_id, oldest_id=older_id + 1 if older_id is not None else day.oldest_id
        )
        requests = self._telegram.requests_made - day.requests_before
        self._requests_told = self._telegram.requests_made
        self._teller.stage(day.day, "saving")
        # Composing, hashing and syncing a big day takes seconds: the connection must not wait for it.
        paths = self._workshop.store.day(self._request.chat, day.day)
        before = read_coverage(paths)
        try:
            finished = await _in_a_thread(
                day.builder.finish,
                scanned=scanned,
                requests=requests,
                final=final,
                keep_replaced=before is None or before.final,
            )
        finally:
            day.builder.discard()
            self._day = None
        self._teller.stage(day.day, "postprocess")
        coverage = self._coverage(day, finished, scanned=scanned, requests=requests, final=final)
        self._teller.kept(paths, coverage, told_before=before.checksum_sha256 if before else None)
        await asyncio.to_thread(write_coverage, paths, coverage)
        log.info(
            "day kept",
            chat=self._request.chat,
            date=day.day.isoformat(),
            outcome=coverage.outcome,
            message_count=coverage.message_count,
            comment_count=coverage.comment_count,
            requests=requests,
            final=final,
            duration_seconds=coverage.duration_seconds,
        )
        return DayReport(
            chat=self._request.chat,
            day=day.day,
            outcome="unchanged" if coverage.outcome == "unchanged" else "fetched",
            coverage=coverage,
            requests=requests,
        )

    def _coverage(
        self, day: _DayInMaking, finished: FinishedDay, *, scanned: Scanned, requests: int, final: bool
    ) -> Coverage:
        statistics = finished.statistics
        settings = self._workshop.settings
        return Coverage(
            chat=self._request.chat,
            date=day.day,
            timezone=settings.timezone,
            final=final,
            message_count=statistics.message_count,
            comment_count=finished.comment_count,
            checksum_sha256=finished.assembled.checksum_sha256,
            size_bytes=finished.assembled.size_bytes,
            scanned_newest_id=scanned.newest_id,
            scanned_oldest_id=scanned.oldest_id,
            newest_message_id=statistics.newest_id,
            fetched_at=day.fetched_at,
            requests=requests,
            duration_seconds=round(time.monotonic() - day.began, 3),
            first_message_ts=statistics.first_message_ts,
            last_message_ts=statistics.last_message_ts,
            estimated_tokens_total=statistics.estimated_tokens_total,
            schema_version=settings.data_schema_version,
            preprocessing_version=settings.preprocessing_version,
            limit=self._request.limit,
            lost=tuple(day.lost),
            outcome=finished.published.outcome,
            event_request=self._request.request_id,
        )
