"""Publishes what the ledger's outbox holds, in the order of recording, when Redis is there.

Any number of processes may do so at once: each takes the first events that are pending, tells them in order
and notes that they are told. What two of them offer at the same time the publisher tells once.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events import log_lines
from tg_fetcher_dagster.events.epoch import latest_loss, redis_lost_time
from tg_fetcher_dagster.events.publisher import MOST_AT_ONCE, EventPublisher
from tg_fetcher_dagster.events.recording import parsed
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.redis_connection import connect
from tg_fetcher_dagster.settings import Settings

log = structlog.get_logger(__name__)

TIME_BOX = 20.0
"""Seconds after which draining stops and goes on the next time: a third of what a tick may take."""

AT_ONCE = 500
"""Events that are read, told and marked together: some hundred kilobytes, one transaction."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What one draining came to.

    Attributes:
        published: events that are told now.
        left: True where its time was up before it saw the end of the queue.
    """

    published: int
    left: bool


def drain_outbox(settings: Settings) -> int:
    """Publishes what is pending, within a time box; returns how many events that were.

    Where nothing waits Redis is not asked.

    Raises:
        FetchError: (network) Redis is away: all that is left stays and is published later; (storage) the
            ledger refuses.
    """
    ledger = Ledger.open(settings.ledger_location)
    try:
        with ledger.read() as connection:
            if not outbox.pending_count(connection, 1):
                return 0
        return publish_pending(settings, ledger).published
    finally:
        ledger.close()


def publish_pending(settings: Settings, ledger: Ledger, *, seconds: float | None = None) -> Drained:
    """Publishes what is pending, and first what Redis was told and has lost.

    Without Redis (REDIS_URL is empty) events wait; where events are switched off they count as told.

    Args:
        settings: where Redis is, and what it is told.
        ledger: where the outbox is.
        seconds: the time box, TIME_BOX where none is given.

    Raises:
        FetchError: (network) Redis is away: all that is left stays and is published later; (storage) the
            ledger refuses.
    """
    box = TIME_BOX if seconds is None else seconds
    if not settings.enable_events:
        return drain(ledger, None, seconds=box)
    if settings.redis_url is None:
        return Drained(0, left=False)
    with connect(settings) as client:
        channel = settings.events_channel
        redis_lost_time(ledger, client, channel)
        publisher = EventPublisher(client, channel, settings.events_stream_length)
        drained = drain(ledger, publisher, seconds=box)
        if drained.published:
            redis_lost_time(ledger, client, channel)
        return drained


def drain(
    ledger: Ledger,
    publisher: EventPublisher | None,
    *,
    seconds: float = TIME_BOX,
    clock: Callable[[], float] = time.monotonic,
) -> Drained:
    """Publishes what is pending, in order, until nothing is or the time is up.

    The first event that Redis does not take ends it: that one and those after it stay.

    Args:
        ledger: where the outbox is.
        publisher: None where events are switched off: they count as told.
        seconds: the time box; at least one handful of events goes out.
        clock: seconds that only grow.

    Raises:
        FetchError: (network) Redis is away; nothing is lost.
    """
    ends = clock() + seconds
    published = 0
    while True:
        handful = _count_as_told(ledger) if publisher is None else _publish_some(ledger, publisher)
        published += handful.published
        if not handful.left:
            return Drained(published, left=False)
        if clock() >= ends:
            return Drained(published, left=True)


def prune(
    ledger: Ledger,
    *,
    before: float,
    seconds: float = TIME_BOX,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Forgets events that were published before a moment, some at a time; returns how many.

    Ends that nobody was told of stay however old they are.
    """
    ends = clock() + seconds
    gone = 0
    while True:
        with ledger.write() as connection:
            some = outbox.prune(connection, before)
        gone += some
        if not some or clock() >= ends:
            return gone


def _count_as_told(ledger: Ledger) -> Drained:
    with ledger.write() as connection:
        counted = outbox.mark_all_published(connection, AT_ONCE)
    return Drained(counted, left=counted == AT_ONCE)


def _publish_some(ledger: Ledger, publisher: EventPublisher) -> Drained:
    with ledger.read() as connection:
        waiting = outbox.pending(connection, AT_ONCE)
    read = [(each, _body_of(each)) for each in waiting]
    whole = [(each, body) for each, body in read if body is not None]
    damaged = [each.seq for each, body in read if body is None]
    told: list[int] = []
    began = time.time()
    try:
        for start in range(0, len(whole), MOST_AT_ONCE):
            some = whole[start : start + MOST_AT_ONCE]
            taken = publisher.publish([(each.event_id, each.body) for each, _ in some])
            told += [each.seq for each, _ in some[: taken.count]]
            log_lines.published([body for _, body in some[: taken.count]])
            if taken.refusal:
                raise FetchError(ErrorType.NETWORK, taken.refusal)
    finally:
        _mark(ledger, told, began=began, damaged=damaged)
    return Drained(len(told), left=len(waiting) == AT_ONCE)


def _mark(ledger: Ledger, told: list[int], *, began: float, damaged: list[int]) -> None:
    if not told and not damaged:
        return
    with ledger.write() as connection:
        lost = latest_loss(connection)
        if lost is None or lost.noticed_at <= began:
            outbox.mark_published(connection, told)
        # Else Redis may have lost them before anybody could know that they were told: they are told again.
        outbox.set_aside(connection, damaged)
    for seq in damaged:
        log.error("an event in the outbox is damaged and was set aside", seq=seq)


def _body_of(event: outbox.Pending) -> dict[str, Any] | None:
    """What an event says; None where it is damaged."""
    body = parsed(event.body)
    return body if body is not None and body["event_id"] == event.event_id else None
