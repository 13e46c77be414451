"""One walk over a chat's history, newest first, split into days (telegram.md, 1 to 3)."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby

from tg_fetcher_dagster.commands.identity import ChatIdentity
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.fetching.day_builder import DayBuilder, Scanned
from tg_fetcher_dagster.fetching.days import ONE_DAY, day_of, day_start
from tg_fetcher_dagster.fetching.entities import mentioned
from tg_fetcher_dagster.fetching.keeping import ClosedDay, keep
from tg_fetcher_dagster.fetching.losses import before_migration
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.fetching.telling import Teller
from tg_fetcher_dagster.fetching.workshop import Workshop
from tg_fetcher_dagster.storage.coverage import Loss
from tg_fetcher_dagster.telegram.comments import Comments
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster.telegram.records import LAYER, Record
from tg_fetcher_dagster.telegram.walk import Page

SLICE = 25
"""Messages that are mapped before the loop gets a turn. Without turns the mapping of a whole page, 4 ms, came
before the next page's request in a third of the pages (docs/benchmarks.md)."""


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
        self._keeping: asyncio.Task[DayReport] | None = None
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
                    self._recognise(page)
                    async for report in self._take(page):
                        yield report
                    if self._is_full():
                        break
            async for report in self._pass(until=first - ONE_DAY, older_id=None):
                yield report
            if (last_report := await self._kept()) is not None:
                yield last_report
        except FetchError:
            if (kept := await self._kept()) is not None:
                yield kept
            raise
        finally:
            if self._keeping is not None:
                await asyncio.wait([self._keeping])
            if self._day is not None:
                self._day.builder.discard()

    async def _pass(self, *, until: date, older_id: int | None) -> AsyncIterator[DayReport]:
        """Closes the days that the walk has passed, down to `until`, and begins that one.

        One day at most is being kept while the walk goes on to the next older one.
        """
        while self._day is not None and self._day.day > until:
            day = self._day
            if (report := await self._kept()) is not None:
                yield report
            newer_id = day.oldest_id or day.newest_id
            self._close(older_id=older_id)
            if day.day - ONE_DAY > until or older_id is not None:
                self._begin(day.day - ONE_DAY, newest_id=newer_id - 1 if newer_id else None)

    @property
    def _current(self) -> _DayInMaking:
        if self._day is None:
            raise RuntimeError("no day is in the making")
        return self._day

    def _begin(self, day: date, *, newest_id: int | None) -> None:
        fetched_at = self._workshop.clock()
        self._day = _DayInMaking(
            day=day,
            builder=self._builder(day, fetched_at),
            began=time.monotonic(),
            fetched_at=fetched_at,
            requests_before=self._requests_told,
            newest_id=newest_id,
        )
        self._teller.started(day)
        self._teller.stage(day, "fetching")

    def _builder(self, day: date, fetched_at: datetime) -> DayBuilder:
        paths = self._workshop.store.day(self._request.chat, day)
        builder = DayBuilder(paths=paths, identity=self._identity, day=day, options=self._workshop.options)
        builder.begin(identity=self._identity, day=day, layer=LAYER, fetched_at=fetched_at)
        return builder

    def _recognise(self, page: Page) -> None:
        """Takes over what a page says of the chat itself: a day is named as the chat was when it was read."""
        seen = self._telegram.seen_again(self._identity, page)
        if seen is self._identity:
            return
        self._identity = self._workshop.identities.follow(seen)
        self._teller.notice = self._workshop.identities.notice(self._identity.key)
        day = self._day
        if day is not None and not day.message_count:
            # Its head says what was known before the first page came.
            day.builder.discard()
            day.builder = self._builder(day.day, day.fetched_at)

    async def _take(self, page: Page) -> AsyncIterator[DayReport]:
        """Gives a page's messages to their days, closing each day that the walk has passed."""
        days = self._days_of(page)
        for day, messages in days:
            async for report in self._pass(until=day, older_id=messages[0].id):
                yield report
            whole_page = len(days) == 1
            self._current.builder.add_entities(
                page.users if whole_page else mentioned(messages, page.users),
                page.chats if whole_page else mentioned(messages, page.chats),
            )
            for number, message in enumerate(messages):
                if self._is_full():
                    break
                if number % SLICE == 0:
                    await asyncio.sleep(0)  # the next page's request may not be on the socket yet
                self._add(message, await self._comments(message) if self._may_have_comments else None)

    def _days_of(self, page: Page) -> list[tuple[date, Sequence[Record]]]:
        """Returns a page's messages by day, the newest day first."""
        newest, oldest = self._day_of(page.messages[0]), self._day_of(page.messages[-1])
        if newest == oldest:
            return [(newest, page.messages)]
        # Order by id and by date may differ by a second at midnight: nothing may fall into a closed day.
        messages = sorted(page.messages, key=self._day_of, reverse=True)
        return [(day, list(group)) for day, group in groupby(messages, key=self._day_of)]

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

    def _close(self, *, older_id: int | None) -> None:
        """Hands the day over to be kept while the walk goes on."""
        day = self._current
        final = self._request.limit is None and day.fetched_at >= day_start(day.day + ONE_DAY, self._zone)
        requests = self._telegram.requests_made - day.requests_before
        self._requests_told = self._telegram.requests_made
        before = before_migration(self._identity, day.day, newest_id=day.newest_id, oldest_id=day.oldest_id)
        closed = ClosedDay(
            day=day.day,
            builder=day.builder,
            began=day.began,
            fetched_at=day.fetched_at,
            scanned=Scanned(
                newest_id=day.newest_id, oldest_id=older_id + 1 if older_id is not None else day.oldest_id
            ),
            requests=requests,
            final=final,
            lost=(*day.lost, *((before,) if before else ())),
            account_user_id=self._telegram.user_id,
        )
        self._day = None
        keeping = asyncio.to_thread(
            keep, closed, request=self._request, workshop=self._workshop, teller=self._teller
        )
        self._keeping = asyncio.create_task(keeping)

    async def _kept(self) -> DayReport | None:
        """Returns the report of the day that is being kept, once it is durable."""
        keeping, self._keeping = self._keeping, None
        if keeping is None:
            return None
        try:
            return await asyncio.shield(keeping)
        except asyncio.CancelledError:
            await asyncio.wait([keeping])  # a thread cannot be stopped, and half a day is worth nothing
            raise
