"""The way of every request of an account: one at a time, paced, counted, sorted when it fails.

No other module calls Telethon's client (telegram.md, 22 to 24): so no request escapes the pace or the count.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import structlog
from telethon.errors import RPCError
from telethon.tl import functions, types

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.client import connect, disconnect
from tg_fetcher_dagster.telegram.errors import EXPECTED, flood_seconds, sort_error
from tg_fetcher_dagster.telegram.pacing import FloodDeadlines, Pace, Sleep

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 60.0
"""Telethon waits for ever for an answer that it could not read; the slowest real page takes seconds."""

TRIES = 3
"""How often a request is sent when the connection or the servers fail; then the run's own retry waits."""

MOST_TRIES = 1000
"""The end of a request that is met by one flood wait after the other; their sum ends it long before."""

BACKOFF_SECONDS = 1.0


class Send(Protocol):
    """What gives Telegram's answer to a request: a `RequestLine`, or what stands before one."""

    async def __call__(self, request: Any, *, about: str) -> Any:  # noqa: ANN401 - Telethon is untyped
        """See `RequestLine.__call__`."""


class RequestLine:
    """Sends requests of one account, one after the other.

    Attributes:
        requests_by_method: how many were sent, by method (`messages.getHistory`), repeats included.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - Telethon is untyped
        *,
        account: str,
        pace: Pace,
        floods: FloodDeadlines,
        flood_wait_in_run: float,
        quarantine: Callable[[str], None],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client = client
        self._account = account
        self._pace = pace
        self._floods = floods
        self._flood_wait_in_run = flood_wait_in_run
        self._quarantine = quarantine
        self._sleep = sleep
        self._one_in_flight = asyncio.Lock()
        self.requests_by_method: Counter[str] = Counter()

    @property
    def requests_made(self) -> int:
        """How many requests were sent in all."""
        return self.requests_by_method.total()

    async def __call__(self, request: Any, *, about: str) -> Any:  # noqa: ANN401 - Telethon is untyped
        """Returns Telegram's answer to a request.

        A flood wait of up to FLOOD_WAIT_IN_RUN seconds is waited out here; a lost connection is made again
        and the same request sent again, which is safe as every request of ours only reads.

        Args:
            request: a Telethon request.
            about: what an error's line is about: `chat ru_python`.

        Raises:
            FetchError: of any sort but storage and validation.
        """
        method = method_name(request)
        async with self._one_in_flight:
            waited = 0.0
            failures = 0
            for _ in range(MOST_TRIES):
                waited = await self._wait_out(method, waited)
                await self._pace.take()
                self.requests_by_method[method] += 1
                try:
                    return await self._send(request)
                except EXPECTED as error:
                    seconds = flood_seconds(error)
                    if seconds is not None:
                        self._floods.note(method, seconds)
                        continue
                    failures += 1
                    await self._recover_or_raise(error, attempt=failures, method=method, about=about)
        raise FetchError(ErrorType.INTERNAL, f"{about}: {method} was sent too often")

    async def _send(self, request: Any) -> Any:  # noqa: ANN401 - Telethon is untyped
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._client(request)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Telethon cancels what is pending when it gives the connection up without a known reason.
            raise ConnectionError("the connection was lost") from None

    async def _wait_out(self, method: str, waited: float) -> float:
        """Rests until the method's deadline, where that is near; returns the seconds waited so far."""
        while (seconds := self._floods.remaining(method)) > 0:
            if waited + seconds > self._flood_wait_in_run:
                raise FetchError(
                    ErrorType.RATE_LIMIT,
                    f"account {self._account}: Telegram asks to wait {seconds:.0f} s before {method},"
                    f" longer than FLOOD_WAIT_IN_RUN={self._flood_wait_in_run:.0f} s",
                    retry_after=seconds,
                )
            log.warning(
                "flood wait",
                account=self._account,
                method=method,
                seconds=round(seconds, 1),
                waited=round(waited, 1),
            )
            await self._sleep(seconds)
            waited += seconds
        return waited

    async def _recover_or_raise(self, error: BaseException, *, attempt: int, method: str, about: str) -> None:
        """Makes the connection good for another try, or raises what the failure is."""
        failure = sort_error(error, about=about)
        if failure.error_type is ErrorType.AUTH:
            failure = sort_error(error, about=f"account {self._account}")
            self._quarantine(failure.message)
        if failure.error_type is not ErrorType.NETWORK or attempt >= TRIES:
            raise failure from error
        log.warning(
            "request is sent again",
            account=self._account,
            method=method,
            attempt=attempt,
            error=failure.message,
        )
        await self._sleep(BACKOFF_SECONDS * 2 ** (attempt - 1))
        if not isinstance(error, RPCError) or not self._client.is_connected():
            # After its failed reconnects Telethon stays disconnected (telegram.md, 28).
            await disconnect(self._client)
            await self.connect()

    async def connect(self) -> None:
        """Connects the account; one that Telegram refuses goes into quarantine.

        Raises:
            FetchError: (network) Telegram cannot be reached; (auth) it refuses the session.
        """
        try:
            await connect(self._client)
            if await self._client.get_me(input_peer=True) is None:
                # get_me hides the reason: the same request tells it.
                await self._client(functions.users.GetUsersRequest([types.InputUserSelf()]))
        except EXPECTED as error:
            failure = sort_error(error, about=f"account {self._account}")
        except FetchError as error:
            failure = error
        else:
            return
        if failure.error_type is ErrorType.AUTH:
            self._quarantine(failure.message)
        await disconnect(self._client)
        raise failure


def method_name(request: Any) -> str:  # noqa: ANN401 - Telethon is untyped
    """Returns a request's name in Telegram's schema: `messages.getHistory`."""
    request_class: type = type(request)
    return _method_name(request_class)


@cache
def _method_name(request_class: type) -> str:
    namespace = request_class.__module__.rpartition(".")[2]
    name = request_class.__name__.removesuffix("Request")
    name = name[:1].lower() + name[1:]
    return name if namespace == "functions" else f"{namespace}.{name}"
