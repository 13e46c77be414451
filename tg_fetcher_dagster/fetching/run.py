"""What one run does: the days of one or more chats, over one open Telegram."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.fetching.chat_days import Reader, failure_of, fetch_chat, kept_days
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.request import DayResult, FetchRequest
from tg_fetcher_dagster.monitoring.logs import told_with
from tg_fetcher_dagster.telegram.reader import TelegramReader


async def fetch_chats(requests: Sequence[FetchRequest], context: FetchContext) -> list[DayResult]:
    """Fetches what the requests ask for, one chat after the other.

    Telegram is opened at the first day that is not complete, and once: an account that cannot be opened
    is not tried again for the next chat.

    Returns:
        One report for each chat and day, in the requests' order.

    Raises:
        FetchError: (validation, storage) DATA_DIR cannot be used at all.
    """
    context.store.prepare()
    async with AsyncExitStack() as stack:
        opened: TelegramReader | FetchError | None = None

        async def reader() -> TelegramReader:
            nonlocal opened
            if opened is None:
                try:
                    opened = await stack.enter_async_context(context.open_reader())
                except FetchError as error:
                    opened = error
            if isinstance(opened, FetchError):
                raise opened
            return opened

        reports: list[DayResult] = []
        for request in requests:
            with told_with(chat=request.chat, correlation_id=request.correlation_id):
                reports += await _fetched(request, context, reader)
        return reports


async def _fetched(request: FetchRequest, context: FetchContext, reader: Reader) -> list[DayResult]:
    """Returns one report a day; a chat that fails in an unforeseen way ends for itself."""
    try:
        return await fetch_chat(request, context, reader)
    except Exception as error:  # noqa: BLE001 - the other chats of the run go on
        failure = failure_of(error, about=f"chat {request.chat}")
        kept = {report.day: report for report in kept_days(request, context)}
        failed = DayResult(chat=request.chat, day=request.days[0], outcome="failed", error=failure)
        return [kept.get(day) or replace(failed, day=day) for day in sorted(request.days)]
