"""Days that are over are kept in a thread while the walk goes on, one at a time."""

import asyncio
from collections.abc import AsyncIterator

from tg_fetcher_dagster.fetching.keeping import ClosedDay, keep
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.fetching.telling import Teller
from tg_fetcher_dagster.fetching.workshop import Workshop


class Closing:
    """Makes the days of one walk durable in the order in which they are handed over."""

    def __init__(self, request: FetchRequest, workshop: Workshop, teller: Teller) -> None:
        self._request = request
        self._workshop = workshop
        self._teller = teller
        self._keeping: asyncio.Task[DayReport] | None = None

    async def hand_over(self, day: ClosedDay) -> AsyncIterator[DayReport]:
        """Begins to keep a day; yields the report of the one before it, once that is durable.

        Raises:
            FetchError: (storage) the day before could not be kept; this one is not begun.
        """
        async for report in self.kept():
            yield report
        work = asyncio.to_thread(
            keep, day, request=self._request, workshop=self._workshop, teller=self._teller
        )
        self._keeping = asyncio.create_task(work)

    async def kept(self) -> AsyncIterator[DayReport]:
        """Yields the report of the day that is being kept, once it is durable; nothing where none is.

        Raises:
            FetchError: (storage) it could not be kept.
        """
        keeping, self._keeping = self._keeping, None
        if keeping is None:
            return
        try:
            report = await asyncio.shield(keeping)
        except asyncio.CancelledError:
            await asyncio.wait([keeping])  # a thread cannot be stopped, and half a day is worth nothing
            raise
        yield report

    async def ended(self) -> None:
        """Waits for the day that is being kept, whatever becomes of it."""
        if self._keeping is not None:
            await asyncio.wait([self._keeping])
