"""Days that are over are kept in a thread while the walk goes on, one at a time."""

import asyncio
from collections.abc import AsyncIterator

from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_events import DayEvents
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.fetching.storing import ReadDay, store_day


class BackgroundStoring:
    """Makes the days of one walk durable in the order in which they are handed over."""

    def __init__(self, request: FetchRequest, context: FetchContext, events: DayEvents) -> None:
        self._request = request
        self._context = context
        self._events = events
        self._keeping: asyncio.Task[DayReport] | None = None

    async def hand_over(self, day: ReadDay) -> AsyncIterator[DayReport]:
        """Begins to store a day; yields the result of the one before it, once that is durable.

        Raises:
            FetchError: (storage) the day before could not be kept; this one is not begun.
        """
        async for result in self.kept():
            yield result
        work = asyncio.to_thread(
            store_day, day, request=self._request, context=self._context, events=self._events
        )
        self._keeping = asyncio.create_task(work)

    async def kept(self) -> AsyncIterator[DayReport]:
        """Yields the result of the day that is being kept, once it is durable; nothing where none is.

        Raises:
            FetchError: (storage) it could not be kept.
        """
        keeping, self._keeping = self._keeping, None
        if keeping is None:
            return
        try:
            result = await asyncio.shield(keeping)
        except asyncio.CancelledError:
            await asyncio.wait([keeping])  # a thread cannot be stopped, and half a day is worth nothing
            raise
        yield result

    async def ended(self) -> None:
        """Waits for the day that is being kept, whatever becomes of it."""
        if self._keeping is not None:
            await asyncio.wait([self._keeping])
