"""What stands before every packet of an account: deadlines, pace, count."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from telethon.errors import RPCError

from tg_fetcher_dagster.accounts.pacing import ANYTHING, FloodDeadlines, Pace, Sleep
from tg_fetcher_dagster.accounts.request_counts import RequestCounts
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.error_rows import Account
from tg_fetcher_dagster.telegram.errors import account_after, rest_of
from tg_fetcher_dagster.telegram.link import Link

log = structlog.get_logger(__name__)


@dataclass
class Trial:
    """One request on its way, however often it is sent.

    Attributes:
        method: its method.
        about: what an error's line is about.
        waited: seconds of flood waits so far.
        failures: tries that failed.
    """

    method: str
    about: str
    waited: float = 0.0
    failures: int = 0


@dataclass
class Gate:
    """Lets one packet after the other pass.

    Attributes:
        flood_wait_in_run: the most seconds of flood waits that one request waits out.
        counts: what is told of all accounts' requests.
        monotonic: seconds that nobody can set back.
        sent: how many passed, by method.
        waited: seconds of flood waits that were waited out.
        repeats: requests that are sent again.
    """

    account: str
    pace: Pace
    floods: FloodDeadlines
    flood_wait_in_run: float
    counts: RequestCounts
    monotonic: Callable[[], float] = time.monotonic
    sleep: Sleep = asyncio.sleep
    sent: Counter[str] = field(default_factory=Counter)
    waited: float = 0.0
    repeats: int = 0

    async def wait_out(self, method: str, trial: Trial) -> None:
        """Rests until the method's deadline, where that is near.

        Raises:
            FetchError: (rate_limit) it is too far away.
        """
        while (seconds := max(self.floods.remaining(method), self.floods.remaining(ANYTHING))) > 0:
            if trial.waited + seconds > self.flood_wait_in_run:
                limited = self.floods.remaining(ANYTHING) > 0
                asks = "Telegram has limited it, and it has" if limited else "Telegram asks"
                raise FetchError(
                    ErrorType.RATE_LIMIT,
                    f"account {self.account}: {asks} to wait {seconds:.0f} s before {method},"
                    f" longer than FLOOD_WAIT_IN_RUN={self.flood_wait_in_run:.0f} s",
                    retry_after=seconds,
                    retry_at=self.retry_at(method),
                )
            log.warning(
                "flood wait",
                account=self.account,
                method=method,
                wait_seconds=round(seconds, 1),
                waited_seconds=round(trial.waited, 1),
            )
            await self.sleep(seconds)
            trial.waited += seconds
            self.waited += seconds

    def retry_at(self, method: str) -> datetime | None:
        """Returns from when on the method may be called again, aware, in UTC; None if it may now."""
        known = (self.floods.until(method), self.floods.until(ANYTHING))
        latest = max((until for until in known if until is not None), default=None)
        return datetime.fromtimestamp(latest, UTC) if latest is not None else None

    async def pass_through(self, link: Link, method: str, send: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Sends a packet when the pace allows, counts it, and notes the deadline that is answered.

        Raises:
            ConnectionError: the link is lost; nothing was sent.
            EXPECTED: what `send` raises.
        """
        self.counts.paced(self.account, await self.pace.take())
        if not link.is_open:
            raise ConnectionError("the connection was lost")
        self.sent[method] += 1
        self.counts.sent(self.account, method)
        began = self.monotonic()
        try:
            return await send()
        except RPCError as error:
            seconds = rest_of(error)
            if seconds is not None:
                self.counts.flooded(self.account, method, seconds)
                limited = account_after(error) is not Account.GOES_ON
                self.floods.note(ANYTHING if limited else method, seconds)
            raise
        finally:
            self.counts.answered(self.account, method, self.monotonic() - began)
