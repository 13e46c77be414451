"""Events leave the outbox in order, once, and are never lost."""

import signal
import subprocess
import sys
from datetime import timedelta
from itertools import count

import orjson
import pytest
import redis
import sqlalchemy as sa
from redis.backoff import NoBackoff
from redis.retry import Retry

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events import draining, keys
from tg_fetcher_dagster.events.draining import AT_ONCE, Drained, drain, prune, publish_pending
from tg_fetcher_dagster.events.publisher import MOST_AT_ONCE, EventPublisher
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import events
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.events.recorded import on_the_stream, pending, pending_count, put
from tg_fetcher_dagster_tests.events.telling import DAY, REQUEST, failed, fetched, skipped
from tg_fetcher_dagster_tests.fixtures_redis import valkey
from tg_fetcher_dagster_tests.waiting import PATIENCE


@pytest.fixture
def publisher(redis_client):
    return EventPublisher(redis_client, "tg_events", 100_000)


def many(ledger: Ledger, number: int) -> None:
    """Records that many ends in one transaction."""
    with ledger.write() as connection:
        for each in range(number):
            assert outbox.put(
                connection,
                event_id=f"id-{each:06}",
                request_id=REQUEST,
                event="fetch_skipped",
                chat=f"chat_{each}",
                date=DAY,
                body=orjson.dumps(
                    {
                        "event": "fetch_skipped",
                        "event_id": f"id-{each:06}",
                        "chat": f"chat_{each}",
                        "date": "-",
                    }
                ).decode(),
            )


def test_day_ends_reach_the_channel_and_the_stream_in_the_order_of_recording(ledger, publisher, redis_client):
    with redis_client.pubsub() as subscription:
        subscription.subscribe("tg_events")
        assert subscription.get_message(timeout=PATIENCE)["type"] == "subscribe"
        put(ledger, fetched(), skipped(chat="b"), failed(chat="a"), request_id=REQUEST)
        assert drain(ledger, publisher) == Drained(3, left=False)
        heard = [orjson.loads(subscription.get_message(timeout=PATIENCE)["data"]) for _ in range(3)]
    assert [event["event"] for event in heard] == ["messages_fetched", "fetch_skipped", "fetch_failed"]
    assert on_the_stream(redis_client) == heard
    assert pending(ledger) == []
    assert drain(ledger, publisher) == Drained(0, left=False)


def test_thousands_go_out_in_order_in_handfuls_that_fit_into_memory(
    ledger, publisher, redis_client, monkeypatch
):
    many(ledger, 2 * AT_ONCE + 1)
    read = []
    pending_of = outbox.pending

    def counted(connection, limit):
        read.append(len(found := pending_of(connection, limit)))
        return found

    monkeypatch.setattr(outbox, "pending", counted)
    assert drain(ledger, publisher) == Drained(2 * AT_ONCE + 1, left=False)
    assert read == [AT_ONCE, AT_ONCE, 1]
    ids = [event["event_id"] for event in on_the_stream(redis_client)]
    assert ids == [f"id-{each:06}" for each in range(2 * AT_ONCE + 1)]


def test_a_time_box_ends_a_draining_and_the_next_one_goes_on(ledger, publisher, redis_client):
    many(ledger, 2 * AT_ONCE + 1)
    seconds = count()
    assert drain(ledger, publisher, seconds=1, clock=lambda: next(seconds)) == Drained(AT_ONCE, left=True)
    assert len(on_the_stream(redis_client)) == AT_ONCE
    assert drain(ledger, publisher) == Drained(AT_ONCE + 1, left=False)
    assert len(on_the_stream(redis_client)) == 2 * AT_ONCE + 1


def test_without_redis_events_wait_in_order_and_go_out_when_it_is_back(ledger):
    with valkey() as server:
        client = redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0))
        publisher = EventPublisher(client, "tg_events", 1000)
        put(ledger, fetched(), request_id="fetch-1")
        assert drain(ledger, publisher).published == 1
    put(ledger, fetched(chat="b"), fetched(chat="a"), request_id="fetch-2")
    with pytest.raises(FetchError, match=r"Redis at .* is away") as caught:
        drain(ledger, publisher)
    client.close()
    assert caught.value.error_type is ErrorType.NETWORK
    assert [chat for chat, _ in pending(ledger)] == ["b", "a"]
    with valkey() as server, redis.Redis(port=server.port) as client:
        assert drain(ledger, EventPublisher(client, "tg_events", 1000)).published == 2
        assert [event["chat"] for event in on_the_stream(client)] == ["b", "a"]


def test_what_stands_behind_an_event_that_redis_refuses_waits_with_it(ledger, publisher, redis_client):
    """Redis runs out of its memory in the middle; nothing overtakes the event that it refused."""
    many(ledger, MOST_AT_ONCE + 5)
    redis_client.set("tg_events:stream", "of another kind")
    with pytest.raises(FetchError, match="refuses an event: WRONGTYPE") as caught:
        drain(ledger, publisher)
    assert caught.value.error_type is ErrorType.NETWORK
    assert pending_count(ledger) == MOST_AT_ONCE + 5
    assert list(redis_client.scan_iter("tg_events:seen:*")) == []
    redis_client.delete("tg_events:stream")
    assert drain(ledger, publisher).published == MOST_AT_ONCE + 5
    ids = [event["event_id"] for event in on_the_stream(redis_client)]
    assert ids == sorted(ids)
    assert len(ids) == MOST_AT_ONCE + 5


def test_where_events_are_switched_off_they_count_as_told(ledger):
    many(ledger, AT_ONCE + 1)
    assert drain(ledger, None) == Drained(AT_ONCE + 1, left=False)
    assert pending_count(ledger) == 0


def test_without_a_redis_to_talk_to_events_wait_and_that_is_no_error(ledger, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", "")
    put(ledger, fetched(), request_id=REQUEST)
    assert publish_pending(Settings.read(), ledger) == Drained(0, left=False)
    assert pending_count(ledger) == 1


def test_an_event_that_redis_took_before_the_drainer_died_is_not_heard_twice(ledger, publisher, redis_client):
    put(ledger, fetched(), request_id=REQUEST)
    with ledger.read() as connection:
        [waiting] = outbox.pending(connection)
    assert publisher.publish([(waiting.event_id, waiting.body)]).count == 1
    assert drain(ledger, publisher).published == 1
    assert len(on_the_stream(redis_client)) == 1


@pytest.mark.parametrize(
    "nonsense", ["", "{", "[]", "null", '{"event": "fetch_skipped"}', '{"event":"x","event_id":"id-000001"}']
)
def test_a_damaged_event_is_set_aside_visibly_and_the_queue_behind_goes_on(
    ledger, publisher, redis_client, nonsense
):
    many(ledger, 3)
    with ledger.write() as connection:
        connection.execute(sa.update(events).where(events.c.event_id == "id-000001").values(body=nonsense))
    assert drain(ledger, publisher) == Drained(2, left=False)
    assert [event["event_id"] for event in on_the_stream(redis_client)] == ["id-000000", "id-000002"]
    assert pending_count(ledger) == 0
    assert drain(ledger, publisher) == Drained(0, left=False)
    with ledger.read() as connection:
        assert outbox.set_aside_count(connection) == 1
        assert [each.published_at is None for each in outbox.recorded_after(connection, 0)] == [
            False,
            True,
            False,
        ]


DRAIN = """
import os, signal, sys
import redis
from tg_fetcher_dagster.events.draining import drain
from tg_fetcher_dagster.events.publisher import EventPublisher
from tg_fetcher_dagster.ledger.database import Ledger

class Dying(EventPublisher):
    left = int(sys.argv[3])

    def publish(self, events):
        self.left -= 1
        if self.left == 0 and sys.argv[4] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        taken = super().publish(events)
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return taken

with redis.Redis.from_url(sys.argv[2]) as client:
    ledger = Ledger.open(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    drain(ledger, Dying(client, "tg_events", 10_000))
"""


def start_drainer(ledger_url, redis_url, *, dies_at: int = 0, moment: str = "after") -> subprocess.Popen:
    """Another process that drains on a line of input; it is killed at its n-th handful, if any."""
    child = subprocess.Popen(
        [sys.executable, "-c", DRAIN, ledger_url, redis_url, str(dies_at), moment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "ready\n"
    return child


def test_three_processes_that_drain_at_once_lose_nothing_repeat_nothing_and_keep_the_order(
    ledger, ledger_url, redis_client, redis_url
):
    many(ledger, 3000)
    drainers = [start_drainer(ledger_url, redis_url) for _ in range(3)]
    for drainer in drainers:
        drainer.stdin.write("\n")
        drainer.stdin.flush()
    for drainer in drainers:
        drainer.communicate(timeout=PATIENCE)
        assert drainer.returncode == 0
    ids = [event["event_id"] for event in on_the_stream(redis_client)]
    assert ids == [f"id-{each:06}" for each in range(3000)]
    assert pending_count(ledger) == 0


@pytest.mark.parametrize("dies", [(1, "before"), (1, "after"), (3, "before"), (3, "after")])
def test_a_drainer_that_is_killed_loses_nothing_and_repeats_nothing(
    *, ledger, ledger_url, publisher, redis_client, redis_url, dies
):
    dies_at, moment = dies
    many(ledger, 450)
    drainer = start_drainer(ledger_url, redis_url, dies_at=dies_at, moment=moment)
    drainer.communicate("\n", timeout=PATIENCE)
    assert drainer.returncode == -signal.SIGKILL
    told = (dies_at if moment == "after" else dies_at - 1) * MOST_AT_ONCE
    assert len(on_the_stream(redis_client)) == told
    drain(ledger, publisher)
    ids = [event["event_id"] for event in on_the_stream(redis_client)]
    assert ids == [f"id-{each:06}" for each in range(450)]


def test_old_published_events_are_forgotten_some_at_a_time_but_no_untold_end(ledger, monkeypatch):
    many(ledger, 2500)
    drain(ledger, None)
    put(ledger, fetched(), request_id="fetch-untold")
    with ledger.read() as connection:
        newest = max(each.published_at or 0 for each in outbox.recorded_after(connection, 0, 5000))
    assert prune(ledger, before=newest - timedelta(hours=1).total_seconds()) == 0
    seconds = count()
    assert prune(ledger, before=newest + 1, seconds=2, clock=lambda: next(seconds)) == 2000
    assert prune(ledger, before=newest + 1) == 500
    with ledger.read() as connection:
        assert [each.request_id for each in outbox.recorded_after(connection, 0)] == ["fetch-untold"]
    assert pending_count(ledger) == 1


def test_the_count_of_what_waits_is_bounded(ledger):
    many(ledger, 20)
    with ledger.read() as connection:
        assert outbox.pending_count(connection) == 20
        assert outbox.pending_count(connection, at_most=5) == 5


def test_the_repeat_memory_has_an_end_and_the_stream_is_capped(redis_client):
    publisher = EventPublisher(redis_client, "mine", 100)
    assert publisher.publish([("id-0", "{}")]).refusal is None
    assert publisher.publish([("id-0", "{}")]).count == 1
    assert redis_client.xlen("mine:stream") == 1
    assert 0 < redis_client.ttl("mine:seen:id-0") <= keys.SEEN_SECONDS
    for start in range(1, 1000, MOST_AT_ONCE):
        publisher.publish([(f"id-{each}", "{}") for each in range(start, start + MOST_AT_ONCE)])
    assert redis_client.xlen("mine:stream") < 400
    assert set(redis_client.scan_iter("tg_events*")) == set()


def test_what_was_told_while_another_process_noticed_a_loss_is_told_again(
    ledger, publisher, redis_client, monkeypatch
):
    """The drainer is held between Redis's answer and its own note; meanwhile Redis loses time."""
    many(ledger, 2)
    publish = publisher.publish

    def held(events):
        taken = publish(events)
        redis_client.flushall()
        draining.redis_lost_time(ledger, redis_client, "tg_events")
        monkeypatch.setattr(publisher, "publish", publish)
        return taken

    draining.redis_lost_time(ledger, redis_client, "tg_events")
    monkeypatch.setattr(publisher, "publish", held)
    drain(ledger, publisher)
    assert pending_count(ledger) == 2
    drain(ledger, publisher)
    assert [event["event_id"] for event in on_the_stream(redis_client)] == ["id-000000", "id-000001"]
