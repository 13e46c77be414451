"""The command sensor's core, without Dagster: claims become batches, batches become runs, runs are settled.

A tick may die at any line and be replayed: whatever it decides is journalled in one step before anybody
acts on it, and events carry ids that make a repeat silent. A command that makes no sense never raises out
of a tick; Redis or the disk being away does.
"""

import datetime as dt
from collections.abc import Callable

from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.requests.intake import take_in
from tg_fetcher_dagster.requests.queue import CommandQueue
from tg_fetcher_dagster.requests.settling import follow, settle
from tg_fetcher_dagster.requests.ticking import Outside, Rules, Tick, TickResult


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Dispatch:
    """Carries commands from the queue to their end, one tick at a time."""

    def __init__(
        self,
        queue: CommandQueue,
        identities: IdentityTable,
        *,
        rules: Rules,
        clock: Callable[[], dt.datetime] = _now,
    ) -> None:
        self._queue = queue
        self._identities = identities
        self._rules = rules
        self._clock = clock

    def tick(self, outside: Outside, *, wait_seconds: float = 0) -> TickResult:
        """Claims, plans, follows and settles; returns the runs to start.

        Args:
            outside: what is known of runs and chats, and who is told.
            wait_seconds: how long to wait for a first command where none is queued.

        Raises:
            FetchError: (network) Redis is away; (storage) the identity table or the outbox is.
        """
        self._queue.claim(self._rules.claims_a_tick, wait_seconds)
        tick = Tick(self._queue, self._identities, rules=self._rules, outside=outside, now=self._clock())
        take_in(tick)
        follow(tick)
        settle(tick)
        return tick.result
