"""How fast an account asks: its own pace, and the deadlines that Telegram's flood waits set.

Limits are per account and method (telegram.md, 22): about 30 calls of getHistory in 30 s, then a wait. A
deadline outlives the process, so that the next run of the account does not ask inside it and make it longer.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from tg_fetcher_dagster.accounts.restrictions import Restrictions

log = structlog.get_logger(__name__)

BURST = 15.0
"""Requests that may go at once after a pause: one day of a chat is not slowed down."""

ANYTHING = "*"
"""Stands for every method, where Telegram has limited the whole account."""

CONNECTING = "connecting"
"""Stands for making a connection, where Telegram takes no more of them."""

LONGEST_WAIT = 7 * 86_400.0
"""Seconds: a deadline further ahead is cut to it. The longest wait of a reading method that people tell of is
a day; a week leaves room, and an account is never out of use for longer by a number in a file."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Timing:
    """How time passes; a test's own passes without anybody waiting for it.

    Attributes:
        wall: the machine's clock, seconds since 1970.
        monotonic: seconds that nobody can set back.
        sleep: returns after so many seconds.
    """

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Sleep = asyncio.sleep


class Pace:
    """A token bucket over all requests of one account."""

    def __init__(
        self,
        per_second: float,
        *,
        burst: float = BURST,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._tokens = burst
        self._counted_at = clock()

    async def take(self) -> float:
        """Returns when the next request may go: how many seconds it was waited for."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._per_second) - 1
        self._counted_at = now
        wait = max(0.0, -self._tokens / self._per_second)
        if wait:
            await self._sleep(wait)
        return wait


def believed_deadline(until: object, *, now: float) -> float | None:
    """Returns a kept deadline as far as it can be believed, in seconds since 1970.

    Telegram's waits last from seconds to a day; a clock that was wrong when one was kept makes it any number.

    Returns:
        The deadline, cut to `LONGEST_WAIT` from now; None where it is no number or has passed.
    """
    if isinstance(until, bool) or not isinstance(until, int | float) or not until > now:
        return None
    return min(float(until), now + LONGEST_WAIT)


class FloodDeadlines:
    """Until when which method must rest, kept with the account in the ledger."""

    def __init__(
        self,
        kept: Restrictions,
        *,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Reads what is kept.

        Raises:
            FetchError: (storage) the ledger cannot be read: what Telegram asked for is not known.
        """
        self._kept = kept
        self._clock = clock
        self._jitter = jitter
        self._until: dict[str, float] = {}
        now = clock()
        for name, value in kept.floods().items():
            until = believed_deadline(value, now=now)
            if until is not None:
                self._until[name] = until
            if until != value and not (until is None and _is_past(value, now)):
                log.warning(
                    "a flood deadline is not believed",
                    account=kept.account,
                    method=name[:100],
                    deadline=str(value)[:40],
                    wait_seconds=until - now if until is not None else 0.0,
                )

    def until(self, method: str) -> float | None:
        """Returns when the method may be called again, in seconds since 1970; None if it may now."""
        until = self._until.get(method)
        return until if until is not None and until > self._clock() else None

    def remaining(self, method: str) -> float:
        """Returns the seconds until the method may be called again; 0 if it may now."""
        until = self.until(method)
        return max(0.0, until - self._clock()) if until is not None else 0.0

    def note(self, method: str, seconds: float) -> None:
        """Keeps what Telegram asked for, plus a jitter of up to a tenth, and no more than `LONGEST_WAIT`.

        A deadline that cannot be written still holds in this process.
        """
        wait = max(seconds, 1.0)  # FLOOD_WAIT_0 was seen; asking again at once makes it grow
        now = self._clock()
        self._until = {name: until for name, until in self._until.items() if until > now}
        wanted = now + wait + self._jitter(0.05, max(0.1, min(3.0, wait / 10)))
        self._until[method] = min(wanted, now + LONGEST_WAIT)
        self._kept.keep_floods(self._until)


def _is_past(told: object, now: float) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool) and told <= now
