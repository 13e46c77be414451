"""Progress, told in passing: by pub/sub alone, to whoever listens just now, and kept nowhere.

It never fails a fetch and hardly delays one: a Redis that does not answer at once is left alone for a while,
and what would have been told meanwhile is gone.
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import redis
import structlog

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.models import TERMINAL, Event, event_id
from tg_fetcher_dagster.redis_connection import connect, redis_failures
from tg_fetcher_dagster.settings import Settings

log = structlog.get_logger(__name__)

PATIENCE = 0.3
"""Seconds to wait for Redis; a fetch waits that long at most once in PAUSE seconds."""

PAUSE = 60.0
"""Seconds for which a Redis that did not answer is left alone."""


class Passing:
    """Tells progress; safe to keep for as long as a process lives. It connects when it first has to.

    Args:
        settings: ENABLE_EVENTS, ENABLE_PROGRESS_EVENTS, REDIS_URL and EVENTS_CHANNEL count.
        clock: seconds that only grow.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._wanted = bool(settings.enable_events and settings.enable_progress_events and settings.redis_url)
        self._client: redis.Redis | None = None
        self._silent_until = clock()

    def tell(self, event: Event, *, request_id: str) -> None:
        """Publishes an event of progress where Redis is there; else it is gone.

        Raises:
            ValueError: it is the end of a day, which must not get lost (`events.recording`).
        """
        if event.event in TERMINAL:
            raise ValueError(f"{event.event} is told by the outbox")
        if not self._wanted or self._clock() < self._silent_until:
            return
        told = event.model_copy(update={"event_id": event_id(event, request_id=request_id)})
        try:
            self._publish(told.model_dump_json().encode())
        except FetchError as error:
            log.debug("progress is told to nobody for a while", reason=error.message, wait_seconds=PAUSE)
            self._silent_until = self._clock() + PAUSE

    def _publish(self, body: bytes) -> None:
        if self._client is None:
            self._client = connect(self._settings, patience=PATIENCE, retries=0)
        with redis_failures(self._client):
            self._client.publish(self._settings.events_channel, body)

    def close(self) -> None:
        """Ends the connection, if there is one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def __enter__(self) -> Self:
        """Returns itself; the connection ends with the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the connection."""
        self.close()
