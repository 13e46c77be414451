"""What was told downstream is counted with the note that it was told, once, whoever told it."""

import threading

from tg_fetcher_dagster.events.draining import drain
from tg_fetcher_dagster.events.publisher import EventPublisher
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Ledger, now
from tg_fetcher_dagster.metrics.counted import EVENTS_PUBLISHED, HOP_SECONDS
from tg_fetcher_dagster_tests.events.recorded import put
from tg_fetcher_dagster_tests.events.telling import failed, fetched
from tg_fetcher_dagster_tests.measured import series_of


def test_events_are_counted_by_what_they_tell(ledger: Ledger, redis_client) -> None:
    put(ledger, fetched(), request_id="r1")
    put(ledger, failed(), request_id="r2")
    publisher = EventPublisher(redis_client, "tg_events", 1_000)
    drain(ledger, publisher)
    drain(ledger, publisher)
    told = {("messages_fetched",): 1, ("fetch_failed",): 1}
    assert series_of(ledger, EVENTS_PUBLISHED.name) == told
    assert series_of(ledger, HOP_SECONDS.name) == {("publish",): 2}


def test_what_two_processes_tell_at_once_is_counted_once(ledger: Ledger) -> None:
    put(ledger, fetched(), request_id="r1")
    with ledger.read() as connection:
        [event] = outbox.pending(connection)
    both = threading.Barrier(2)

    def note() -> None:
        both.wait()
        with ledger.write() as connection:
            outbox.mark_published(connection, [event.seq])

    telling = [threading.Thread(target=note) for _ in range(2)]
    for each in telling:
        each.start()
    for each in telling:
        each.join()
    assert series_of(ledger, EVENTS_PUBLISHED.name) == {("messages_fetched",): 1}


def test_events_that_are_switched_off_are_told_to_nobody(ledger: Ledger) -> None:
    put(ledger, fetched(), request_id="r1")
    drain(ledger, None)
    with ledger.read() as connection:
        assert outbox.pending_count(connection) == 0
        assert outbox.recorded_after(connection, 0)[0].published_at <= now()
    assert series_of(ledger, EVENTS_PUBLISHED.name) == {}
