"""One walk over a chat's history, newest first, split into days (telegram.md, 1 to 3)."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import date, datetime

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.days import ONE_DAY, day_start
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.background_storing import BackgroundStoring
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_events import DayEvents
from tg_fetcher_dagster.fetching.day_opening import DayOpening
from tg_fetcher_dagster.fetching.entities import mentioned
from tg_fetcher_dagster.fetching.made_day import Scanned
from tg_fetcher_dagster.fetching.message_completion import NOTHING, Beside, read_beside
from tg_fetcher_dagster.fetching.missing_parts import hole_lost, undated
from tg_fetcher_dagster.fetching.open_days import Horizon, OpenDay, ScannedIds, runs_of
from tg_fetcher_dagster.fetching.out_of_order import UNDATED, OutOfOrder
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.fetching.sources import Sources
from tg_fetcher_dagster.fetching.storing import ReadDay
from tg_fetcher_dagster.storage.coverage import Loss
from tg_fetcher_dagster.telegram.pages import Page
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster.telegram.records import Record
from tg_fetcher_dagster.telegram.rich import is_in_part
from tg_fetcher_dagster.telegram.spent import Spent


class DayWalk:
    """Walks over one stretch of neighbouring days of one chat."""

    def __init__(
        self,
        *,
        request: FetchRequest,
        context: FetchContext,
        telegram: TelegramReader,
        identity: ChatIdentity,
        events: DayEvents,
        first: date,
        last: date,
    ) -> None:
        self._request = request
        self._context = context
        self._telegram = telegram
        self._identity = identity
        self._events = events
        self._first, self._last = first, last
        self._zone = context.settings.zone
        self._comments_limit = (
            context.settings.comments_limit_per_message if identity.type == "channel" else None
        )
        self._opening = DayOpening(request, context, telegram, events)
        self._out_of_order = OutOfOrder(context.ledger, context.store, request.chat, first=first, last=last)
        self._horizon = Horizon(first, last, neighbours=context.settings.edge_messages)
        self._scanned = ScannedIds()
        self._open: dict[date, OpenDay] = {}
        self._current: OpenDay | None = None
        self._closing = BackgroundStoring(request, context, events)
        self._spent_before = telegram.spent
        self._spent: dict[date, Spent] = {}

    async def run(self) -> AsyncGenerator[DayReport, None]:
        """Yields the result of each day, the newest first, as soon as the day is durable.

        Raises:
            ChatMigratedError: the basic group is a supergroup now.
            FetchError: the walk cannot go on; the days that were not yielded are not fetched.
        """
        sources = Sources(self._request, self._context, self._telegram, self._identity)
        try:
            async with aclosing(sources.pages(self._first, self._last)) as pages:
                async for page in pages:
                    self._recognise(page)
                    await self._take(page)
                    if self._is_full():
                        break
                    for day in self._horizon.passed():
                        self._day(day).lost += sources.moved_on(day)
                        async for result in self._close(day):
                            yield result
            self._out_of_order.settle()
            for day in self._horizon.left:
                refusal = sources.refusal(day)
                if refusal is not None:
                    yield self._refused(day, refusal)
                    continue
                self._day(day).lost += sources.losses(day)
                async for result in self._close(day):
                    yield result
            async for result in self._closing.kept():
                yield result
        except Exception:
            async for result in self._closing.kept():
                yield result
            raise
        finally:
            await self._closing.ended()
            for opened in self._open.values():
                opened.builder.discard()

    def spent_on(self, day: date) -> Spent:
        """Returns what a day has cost; of one that was broken off, all since the one before it."""
        return self._spent[day] if day in self._spent else self._spend(day)

    def _spend(self, day: date) -> Spent:
        spent = self._telegram.spent
        self._spent[day] = spent.since(self._spent_before)
        self._spent_before = spent
        return self._spent[day]

    def _recognise(self, page: Page) -> None:
        """Takes over what a page says of the chat itself: a day is named as the chat was when it was read."""
        seen = self._telegram.seen_again(self._identity, page)
        if seen is not self._identity:
            self._identity = self._context.identities.follow(seen)
            self._events.notice = self._context.identities.notice(self._identity.key)

    async def _take(self, page: Page) -> None:
        """Gives a page's messages to their days."""
        for day, messages in runs_of(page.messages, self._zone):
            if day is None:
                self._without_a_date(messages, page)
                continue
            self._horizon.met(day, len(messages))
            if not page.is_past:
                self._scanned.met(day, messages)
            if day in self._horizon:
                await self._add_all(day, messages, page)
            elif not page.is_past:  # the past's own neighbours belong to another walk
                self._out_of_order.met(day, messages, page, has_begun=self._current is not None)
        for hole in page.holes:
            self._lose(hole_lost(hole))

    def _is_over(self, day: date, fetched_at: datetime) -> bool:
        """True where Telegram's own time says that the day was over when the walk came to it."""
        return self._telegram.is_past(day_start(day + ONE_DAY, self._zone), at=fetched_at)

    def _day(self, day: date) -> OpenDay:
        """Returns a day in the making, begun where it was not."""
        if day not in self._open:
            self._open[day] = self._opening.opened(day, self._identity)
        return self._open[day]

    async def _add_all(self, day: date, messages: Sequence[Record], page: Page) -> None:
        """Adds a run of messages to their day."""
        self._out_of_order.are_followed()
        self._keep_what_came_early(day, page)
        opened = self._current = self._day(day)
        if len(messages) == len(page.messages):
            opened.builder.add_entities(page.users, page.chats)
        else:
            opened.builder.add_entities(*mentioned(messages, page.users, page.chats))
        if day != self._horizon.left[0]:
            opened.early += messages
        for message in messages:
            for each in opened.in_order(message) if opened.stored else (message,):
                if self._request.limit is not None and self._is_full():
                    return
                if self._comments_limit is not None or is_in_part(each):
                    await self._add(opened, each)
                else:
                    self._put(opened, each)

    def _keep_what_came_early(self, day: date, page: Page) -> None:
        """Writes down what older days have got when a newer one turns out not to be over.

        The newer day becomes durable first, and a later walk over the older one alone would not come here.
        """
        for other in self._open.values():
            if other.day < day and other.early:
                self._out_of_order.keep(other.day, other.early, page)
                other.early = []

    async def _add(self, opened: OpenDay, message: Record) -> None:
        """Adds a message with what is asked for beside its page.

        A method that rests rests alone: where comments must wait for longer than a run does, their day fails
        and the walk goes on, so that the days that need none of them are not read for nothing.
        """
        if opened.failure is not None:
            return
        try:
            beside = await read_beside(self._telegram, self._identity, message, limit=self._comments_limit)
        except FetchError as error:
            if error.error_type is not ErrorType.RATE_LIMIT:
                raise
            opened.failure = error
            return
        opened.lost += beside.lost
        self._put(opened, message, beside)

    def _put(self, opened: OpenDay, message: Record, beside: Beside = NOTHING) -> None:
        if opened.failure is not None:
            return
        opened.builder.add_message(message, beside.comments, beside.completion)
        opened.note(message)
        self._events.progress(opened.day, opened.builder.message_count)

    def _without_a_date(self, messages: Sequence[Record], page: Page) -> None:
        """Keeps messages whose day nobody can tell, and names them where they stand."""
        self._out_of_order.keep(UNDATED, messages, page)
        if self._current is not None:
            for message in messages:
                self._lose(undated(message.id))

    def _lose(self, loss: Loss) -> None:
        """Names a loss in the day that the walk is in, or comes to next."""
        left = self._horizon.left
        day = self._current.day if self._current is not None else self._last
        if day not in self._horizon and left:
            day = left[0]
        if day in self._horizon:
            self._day(day).lost.append(loss)

    def _is_full(self) -> bool:
        limit = self._request.limit
        return (
            limit is not None and self._current is not None and (self._current.builder.message_count >= limit)
        )

    def _refused(self, day: date, error: FetchError) -> DayReport:
        self._horizon.close(day)
        refused = DayReport(chat=self._request.chat, day=day, outcome="failed", error=error)
        self._events.ended(refused, self.spent_on(day))
        return refused

    async def _close(self, day: date) -> AsyncIterator[DayReport]:
        """Hands a day over to be kept while the walk goes on; yields the result of the one before."""
        opened = self._day(day)
        while opened.stored:
            await self._add(opened, opened.stored.pop())
        self._horizon.close(day)
        spent = self._spend(day)
        if opened.failure is not None:
            async for result in self._closing.kept():
                yield result
            del self._open[day]
            opened.builder.discard()
            failed = DayReport(
                chat=self._request.chat,
                day=day,
                outcome="failed",
                error=opened.failure,
                requests=spent.requests,
                seconds=time.monotonic() - opened.began,
            )
            self._events.ended(failed, spent)
            yield failed
            return
        newest, oldest = self._scanned.around(opened)
        closed = ReadDay(
            day=day,
            builder=opened.builder,
            began=opened.began,
            fetched_at=opened.fetched_at,
            scanned=Scanned(newest_id=newest, oldest_id=oldest),
            spent=spent,
            final=self._request.limit is None and self._is_over(day, opened.fetched_at),
            lost=(*opened.lost, *opened.builder.unmapped),
            account_user_id=self._telegram.user_id,
        )
        async for result in self._closing.hand_over(closed):
            yield result
        del self._open[day]
