"""What one run does: the days of one or more chats, over one open Telegram."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager

import structlog

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.fetching.chat_days import Reader, fetch_chat, kept_days
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.failures import failed_days, failure_of
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.ledger.asks import askers_of
from tg_fetcher_dagster.logs.lines import log_context
from tg_fetcher_dagster.telegram.reader import TelegramReader

log = structlog.get_logger(__name__)


async def fetch_chats(requests: Sequence[FetchRequest], context: FetchContext) -> list[DayReport]:
    """Fetches what the requests ask for, one chat after the other.

    Telegram is opened at the first day that is not complete, and once: an account that cannot be opened
    is not tried again for the next chat.

    Returns:
        One result for each chat and day, in the requests' order.

    Raises:
        FetchError: (validation, storage) DATA_DIR cannot be used at all.
    """
    context.store.prepare()
    async with AsyncExitStack() as stack:
        opened: TelegramReader | FetchError | None = None

        async def reader() -> TelegramReader:
            nonlocal opened
            if opened is None:
                stack.enter_context(_modules_left_alone())
                try:
                    opened = await stack.enter_async_context(context.open_reader())
                except FetchError as error:
                    opened = error
            if isinstance(opened, FetchError):
                raise opened
            return opened

        results: list[DayReport] = []
        for request in requests:
            with log_context(chat=request.chat, correlation_id=_correlation_id(request, context)):
                results += await _fetched(request, context, reader)
        return results


@contextmanager
def _modules_left_alone() -> Iterator[None]:
    """Lets the garbage collector look only at what is made inside of the block.

    Each of its full rounds goes over all that the imports made: 100 ms and more, in which no request leaves;
    five of them in 20,000 messages were 3 ms of every page. What is garbage by now is found afterwards.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _correlation_id(request: FetchRequest, context: FetchContext) -> str:
    """Returns what log lines about a request carry: the first asker's id, else the batch's."""
    with context.ledger.read() as connection:
        first = askers_of(connection, request.request_id, request.chat, request.days[0])
    return first[0].correlation_id if first else request.request_id


async def _fetched(request: FetchRequest, context: FetchContext, reader: Reader) -> list[DayReport]:
    """Returns one result a day; a chat that fails in an unforeseen way ends for itself."""
    try:
        return await fetch_chat(request, context, reader)
    except Exception as error:  # noqa: BLE001 - the other chats of the run go on
        failure = failure_of(error, about=f"chat {request.chat}")
    try:
        kept = {each.day: each for each in kept_days(request, context)}
    except FetchError as error:
        log.warning("what was kept is not known", chat=request.chat, error=error.message)
        kept = {}
    failed = {each.day: each for each in failed_days(request.chat, request.days, failure)}
    return [{**failed, **kept}[day] for day in sorted(request.days)]
