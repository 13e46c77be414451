"""The connections of one account: made when a request finds none, each after a longer pause.

A server (or something on the way to it) that cuts each connection at the same request would else be asked
as fast as the network allows, which costs the account.
"""

import asyncio
from collections.abc import Callable

import structlog
from telethon.errors import TypeNotFoundError

from tg_fetcher_dagster.accounts.pacing import CONNECTING, Sleep
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.clock import TelegramClock
from tg_fetcher_dagster.telegram.gate import Gate, Trial
from tg_fetcher_dagster.telegram.link import Link

log = structlog.get_logger(__name__)

GREETING = "help.getConfig"
"""The method of a connection's first request."""

BACKOFF_SECONDS = 1.0
LONGEST_PAUSE = 60.0
"""Before the first further try; twice as long before each next one, and never longer than that."""

MOST_LOSSES = 8
"""Connections that may be lost before none is made any more, unless `CALM` answers in a row came between."""

CALM = 20


class Connections:
    """Holds the one link that is open."""

    def __init__(
        self,
        dial: Callable[[], Link],
        gate: Gate,
        *,
        clock: TelegramClock,
        sleep: Sleep = asyncio.sleep,
        alarm: Callable[[BaseException, str], None],
    ) -> None:
        """Connects nothing yet.

        Args:
            dial: makes a new link, not connected.
            gate: what the greeting passes through.
            clock: is told Telegram's time by each greeting.
            sleep: waits.
            alarm: is told of a greeting's answer that cannot be read.
        """
        self._dial = dial
        self._gate = gate
        self._clock = clock
        self._sleep = sleep
        self._alarm = alarm
        self._link: Link | None = None
        self._losses = 0
        self._answers_in_a_row = 0
        self._pause = 0.0
        self._gave_up: FetchError | None = None

    async def link(self, trial: Trial) -> Link:
        """Returns an open link; makes one, after the pause that is due, where there is none.

        Raises:
            FetchError: (network) too many were lost; (rate_limit) a deadline is too far away.
            EXPECTED: what the new connection ended with.
        """
        if self._gave_up is not None:
            raise self._gave_up.again()
        if self._link is not None and not self._link.is_open:
            await self.lose(ConnectionError("the connection was lost"))
        pause, self._pause = self._pause, 0.0
        if pause:
            await self._sleep(pause)
        return self._link or await self._opened(trial)

    async def _opened(self, trial: Trial) -> Link:
        await self._gate.wait_out(CONNECTING, trial)
        await self._gate.wait_out(GREETING, trial)
        link = self._link = self._dial()
        try:
            await link.connect()
            config = await self._gate.pass_through(link, GREETING, link.greet)
        except TypeNotFoundError as error:
            self._alarm(error, GREETING)  # Telegram has taken the greeting: only its time stays untold
        except BaseException:
            await self.close()
            raise
        else:
            self._clock.tell(config.date)
        return link

    async def lose(self, reason: BaseException) -> None:
        """Counts a connection that is of no use any more, and closes it.

        Raises:
            FetchError: (network) it was one too many.
        """
        await self.close()
        self._losses += 1
        self._answers_in_a_row = 0
        self.rest(self._losses)
        if self._losses >= MOST_LOSSES:
            log.error("connections keep being lost", account=self._gate.account, losses=self._losses)
            self._gave_up = FetchError(
                ErrorType.NETWORK,
                f"account {self._gate.account}: {self._losses} connections to Telegram were lost one after"
                f" the other, and none is made any more in this run; the last one: {reason}",
            )
            raise self._gave_up from reason

    def rest(self, failures: int) -> float:
        """Lets the next try wait, the longer the more there were; returns the seconds."""
        pause = min(LONGEST_PAUSE, BACKOFF_SECONDS * 2 ** (failures - 1))
        self._pause = max(self._pause, pause)
        return self._pause

    def note_answer(self) -> None:
        """Counts an answer: after enough of them in a row, lost connections are forgotten."""
        self._answers_in_a_row += 1
        if self._answers_in_a_row >= CALM:
            self._losses = 0

    async def close(self) -> None:
        """Closes the link, if there is one."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()
