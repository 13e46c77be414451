"""The way of every request of an account: one at a time, paced, counted, sorted when it fails.

Nothing reaches Telegram but through here (telegram.md, 22 to 24), connecting included: a link is made when
a request finds none, and its first packet is paced and counted like any other. So no request escapes the
pace or the count, and a connection that keeps breaking costs a few requests and not thousands.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import structlog
from telethon.errors import RPCError, TypeNotFoundError

from tg_fetcher_dagster.accounts.pacing import CONNECTING, FloodDeadlines, Pace, Sleep
from tg_fetcher_dagster.accounts.request_counts import RequestCounts
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.clock import TelegramClock
from tg_fetcher_dagster.telegram.connections import Connections
from tg_fetcher_dagster.telegram.error_rows import Account
from tg_fetcher_dagster.telegram.errors import (
    EXPECTED,
    TOO_MANY,
    UNKNOWN_KEY,
    account_after,
    error_name,
    is_alarm,
    rest_of,
    sort_error,
    transport_code,
    why_stranger,
)
from tg_fetcher_dagster.telegram.gate import Gate, Trial
from tg_fetcher_dagster.telegram.link import Link
from tg_fetcher_dagster.telegram.spent import Spent

log = structlog.get_logger(__name__)

TRIES = 3
"""How often a request is sent when the connection or the servers fail; then the run's own retry waits."""

MOST_TRIES = 1000
"""The end of a request that is met by one flood wait after the other; their sum ends it long before."""

KEY_LOOKS = 2
"""A key that the server does not know is shown on a fresh connection once more before the account is put
aside: Telegram forgets keys for moments, as Telethon's `AuthKeyNotFound` tells."""


class Send(Protocol):
    """What gives Telegram's answer to a request: a `RequestLine`, or what stands before one."""

    async def __call__(self, request: Any, *, about: str) -> Any:  # noqa: ANN401 - Telethon is untyped
        """See `RequestLine.__call__`."""


class RequestLine:
    """Sends requests of one account, one after the other.

    Attributes:
        clock: Telegram's time.
    """

    def __init__(
        self,
        dial: Callable[[], Link],
        *,
        account: str,
        pace: Pace,
        floods: FloodDeadlines,
        flood_wait_in_run: float,
        quarantine: Callable[[str], None],
        clock: TelegramClock,
        counts: RequestCounts,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Connects nothing yet; `dial` makes a new link each time."""
        self._account = account
        self._floods = floods
        self._quarantine = quarantine
        self._counts = counts
        self._gate = Gate(account, pace, floods, flood_wait_in_run, counts, monotonic, sleep)
        self._connections = Connections(dial, self._gate, clock=clock, sleep=sleep, alarm=self._alarm)
        self._one_in_flight = asyncio.Lock()
        self._over: FetchError | None = None
        self._unknown_key = 0
        self._refused_connections = 0
        self._alarmed: set[str] = set()
        self.clock = clock

    @property
    def requests_by_method(self) -> Counter[str]:
        """How many were sent, by method (`messages.getHistory`), repeats and greetings included."""
        return self._gate.sent

    @property
    def requests_made(self) -> int:
        """How many requests were sent in all."""
        return self._gate.sent.total()

    @property
    def spent(self) -> Spent:
        """What the requests so far have cost."""
        return Spent(self.requests_made, self._gate.repeats, self._gate.waited)

    async def __call__(self, request: Any, *, about: str) -> Any:  # noqa: ANN401 - Telethon is untyped
        """Returns Telegram's answer to a request.

        A flood wait of up to FLOOD_WAIT_IN_RUN seconds is waited out here; a lost connection is made again
        and the same request sent again, which is safe as every request of ours only reads.

        Args:
            request: a Telethon request.
            about: what an error's line is about: `chat ru_python`.

        Raises:
            UnknownConstructorError: the answer holds something newer than this Telethon.
            FetchError: of any sort but storage.
        """
        trial = Trial(method_name(request), about)
        async with self._one_in_flight:
            for tries in range(MOST_TRIES):
                if self._over is not None:
                    raise self._over.again()
                if tries:
                    self._counts.retried()
                try:
                    return await self._once(request, trial)
                except EXPECTED as error:
                    await self._go_on_or_raise(error, trial)
        raise FetchError(ErrorType.INTERNAL, f"{about}: {trial.method} was sent too often")

    async def close(self) -> None:
        """Closes the connection, if there is one."""
        await self._connections.close()

    async def _once(self, request: Any, trial: Trial) -> Any:  # noqa: ANN401 - Telethon is untyped
        await self._gate.wait_out(trial.method, trial)
        link = await self._connections.link(trial)
        answer = await self._gate.pass_through(link, trial.method, lambda: link.ask(request))
        self._unknown_key = self._refused_connections = 0
        self._connections.note_answer()
        return answer

    async def _go_on_or_raise(self, error: BaseException, trial: Trial) -> None:
        """Makes good what can be made good for another try, or raises what the failure is."""
        after = account_after(error)
        if isinstance(error, RPCError) and rest_of(error) is not None and after is Account.GOES_ON:
            return  # its deadline is noted, and waited out before the next try
        if transport_code(error) == TOO_MANY:
            await self._connections.close()
            self._refused_connections += 1
            seconds = (rest_of(error) or 0.0) * 2 ** (self._refused_connections - 1)
            self._counts.flooded(self._account, CONNECTING, seconds)
            self._floods.note(CONNECTING, seconds)
            return
        if is_alarm(error):
            self._alarm(error, trial.method)
        failure = sort_error(error, about=trial.about)
        if transport_code(error) == UNKNOWN_KEY:
            self._unknown_key += 1
            failure = FetchError(ErrorType.NETWORK, failure.message)
            after = Account.QUARANTINE if self._unknown_key >= KEY_LOOKS else Account.GOES_ON
        if after is not Account.GOES_ON:
            ended = sort_error(error, about=f"account {self._account}")
            ended.retry_at = self._gate.retry_at(trial.method)
            raise await self._end_run(ended, after) from error
        if failure.error_type not in {ErrorType.NETWORK, ErrorType.TELEGRAM_AWAY}:
            raise failure from error
        await self._try_again(failure, error, trial)

    async def _try_again(self, failure: FetchError, error: BaseException, trial: Trial) -> None:
        """Lets the next try wait; raises the failure where there were enough tries."""
        trial.failures += 1
        if not isinstance(error, RPCError):
            await self._connections.lose(error)
        seconds = self._connections.rest(trial.failures)
        if trial.failures >= TRIES:
            raise failure from error
        self._gate.repeats += 1
        log.warning(
            "request is sent again",
            account=self._account,
            method=trial.method,
            retry_count=trial.failures,
            wait_seconds=seconds,
            error_type=failure.error_type.value,
            error=failure.message,
        )

    async def _end_run(self, failure: FetchError, after: Account) -> FetchError:
        """Sends nothing more for the account in this run, and puts it aside where it has ended."""
        self._over = failure
        await self._connections.close()
        if after is Account.QUARANTINE:
            self._quarantine(failure.message)
        return failure

    def _alarm(self, error: BaseException, method: str) -> None:
        """Says once what somebody should look at."""
        name = error_name(error)
        if isinstance(error, TypeNotFoundError):
            name = f"constructor {error.invalid_constructor_id:08x}"
        if name not in self._alarmed:
            self._alarmed.add(name)
            log.error(
                "an answer that this program does not know",
                account=self._account,
                method=method,
                answer=name,
                surprising_because=why_stranger(name),
            )


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
