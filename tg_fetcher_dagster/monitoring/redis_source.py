"""Redis, as the monitor sees it: how many commands wait, and since when the first one does."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson

from tg_fetcher_dagster.ledger.monitored import BELIEVED_SECONDS
from tg_fetcher_dagster.monitoring.reader import Reading
from tg_fetcher_dagster.redis_connection import QUICK_TIMEOUT, connect, redis_failures
from tg_fetcher_dagster.requests.keys import CommandKeys
from tg_fetcher_dagster.settings import Settings

EVERY: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """Redis at one moment.

    Attributes:
        queued: commands that nobody has taken yet.
        oldest_at: when the first of them was pushed, seconds since 1970; None where none waits.
    """

    queued: int
    oldest_at: float | None


class RedisSource:
    """Looks at the queue of commands, and takes nothing from it.

    Args:
        settings: of this process; REDIS_URL is set.
        clock: seconds since 1970.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._first: tuple[bytes, float] | None = None

    def read(self) -> Reading[RedisFacts]:
        """Looks once.

        Raises:
            FetchError: (network) Redis is away, or does not answer.
        """
        keys = CommandKeys(self._settings.commands_queue)
        with connect(self._settings, patience=QUICK_TIMEOUT, retries=0) as client, redis_failures(client):
            pipe = client.pipeline(transaction=False)
            pipe.llen(keys.queue)
            pipe.lindex(keys.queue, 0)
            queued, first = pipe.execute()
        return Reading(RedisFacts(queued=queued, oldest_at=self._pushed_at(first)))

    def _pushed_at(self, first: bytes | None) -> float | None:
        """When the first command was pushed: as it says, else when it was first seen here as the first."""
        if first is None:
            self._first = None
            return None
        now = self._clock()
        if self._first is None or self._first[0] != first:
            said = said_moment(first)
            self._first = first, said if said is not None and 0 <= now - said <= BELIEVED_SECONDS else now
        return self._first[1]


def said_moment(command: bytes) -> float | None:
    """Returns when a command says that it was asked for, seconds since 1970; None where it does not. Pure."""
    try:
        found = orjson.loads(command)
        moment = datetime.fromisoformat(found["timestamp"])
    except (ValueError, TypeError, KeyError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
