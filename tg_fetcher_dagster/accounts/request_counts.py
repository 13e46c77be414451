"""What an account's requests come to, counted in memory until somebody writes it into the ledger.

A transaction a request would cost more than the request. A run hands over what it has with each heartbeat and
at its end, a command when it is done: a process that is killed loses what came after its last heartbeat.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.metrics.counted import (
    FLOOD_SECONDS,
    FLOODS,
    PACE_SECONDS,
    RETRIES,
    TELEGRAM_REQUEST_SECONDS,
    TELEGRAM_REQUESTS,
)
from tg_fetcher_dagster.metrics.kinds import Metric

log = structlog.get_logger(__name__)


class RequestCounts:
    """Counts the requests of one process, of any accounts; safe for threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._found: dict[tuple[str, tuple[str, ...]], tuple[Metric, float]] = {}

    def sent(self, account: str, method: str) -> None:
        """Counts a request that leaves, the same one again included."""
        self._add(TELEGRAM_REQUESTS, (account, method), 1)

    def answered(self, account: str, method: str, seconds: float) -> None:
        """Adds how long an answer, whatever it said, was waited for."""
        self._add(TELEGRAM_REQUEST_SECONDS, (account, method), seconds)

    def flooded(self, account: str, method: str, seconds: float) -> None:
        """Counts an answer that says to wait for so long."""
        self._add(FLOODS, (account, method), 1)
        self._add(FLOOD_SECONDS, (account, method), seconds)

    def paced(self, account: str, seconds: float) -> None:
        """Adds how long a request waited for the account's own pace."""
        self._add(PACE_SECONDS, (account,), seconds)

    def retried(self) -> None:
        """Counts a try after a request's first one."""
        self._add(RETRIES, ("request",), 1)

    @contextmanager
    def handed_over(self) -> Iterator[list[Measure]]:
        """Gives what was counted since the last time; what the block does not keep is given the next time."""
        with self._guard:
            found, self._found = self._found, {}
        try:
            yield [Measure(metric, labels, value) for (_, labels), (metric, value) in found.items()]
        except BaseException:
            for (_, labels), (metric, value) in found.items():
                self._add(metric, labels, value)
            raise

    def keep(self, ledger: Ledger) -> None:
        """Writes what was counted into the ledger; one that refuses fails nothing."""
        try:
            with self.handed_over() as found:
                if found:
                    with ledger.write() as connection:
                        measure(connection, found)
        except FetchError as error:
            log.warning("requests are not counted", error=error.message)

    def _add(self, metric: Metric, labels: tuple[str, ...], value: float) -> None:
        if not value:
            return
        with self._guard:
            _, before = self._found.get((metric.name, labels), (metric, 0.0))
            self._found[metric.name, labels] = metric, before + value
