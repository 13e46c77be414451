"""Events leave through the outbox: in order, once, and never lost."""

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events import keys
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.events.recording import OutcomeRecord
from tg_fetcher_dagster.events.outbox_names import OutboxName
from tg_fetcher_dagster.events.publisher import EventPublisher
from tg_fetcher_dagster_tests.events.telling import DAY, REQUEST, failed, fetched, progress, skipped
from tg_fetcher_dagster_tests.fixtures_redis import valkey
from tg_fetcher_dagster_tests.waiting import PATIENCE


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path)


@pytest.fixture
def publisher(redis_client):
    return EventPublisher(redis_client, "tg_events", 1000)


def told(redis_client) -> list[dict]:
    return [orjson.loads(fields[b"event"]) for _, fields in redis_client.xrange("tg_events:stream")]


def test_events_reach_the_channel_and_the_stream_in_the_order_of_recording(outbox, publisher, redis_client):
    with redis_client.pubsub() as subscription:
        subscription.subscribe("tg_events")
        assert subscription.get_message(timeout=PATIENCE)["type"] == "subscribe"
        for count in (200, 100):
            outbox.put(progress(count), request_id=REQUEST, durable=False)
        outbox.put(fetched(), request_id=REQUEST, durable=True)
        assert outbox.drain(publisher) == 3
        heard = [orjson.loads(subscription.get_message(timeout=PATIENCE)["data"]) for _ in range(3)]
    assert [event["event"] for event in heard] == ["fetch_progress", "fetch_progress", "messages_fetched"]
    assert [event.get("messages_processed") for event in heard] == [200, 100, None]
    assert told(redis_client) == heard
    assert outbox.pending() == []
    assert outbox.drain(publisher) == 0


def test_a_request_tells_the_end_of_a_chat_and_day_once(outbox, publisher, redis_client):
    assert outbox.outcome(REQUEST, "ru_python", DAY) is None
    assert outbox.put(fetched(), request_id=REQUEST, durable=True)
    assert outbox.outcome(REQUEST, "ru_python", DAY) == "messages_fetched"
    assert not outbox.put(failed(), request_id=REQUEST, durable=True)
    outbox.drain(publisher)
    assert outbox.outcome(REQUEST, "ru_python", DAY) == "messages_fetched"
    assert not outbox.put(skipped(), request_id=REQUEST, durable=True)
    assert outbox.put(skipped(), request_id="another-request", durable=True)
    outbox.drain(publisher)
    assert [event["event"] for event in told(redis_client)] == ["messages_fetched", "fetch_skipped"]


@pytest.mark.parametrize("drained", [False, True])
def test_what_a_request_ended_in_is_found_by_chat_and_day(outbox, publisher, drained):
    other_day = DAY + timedelta(days=1)
    outbox.put(progress(100), request_id=REQUEST, durable=False)
    outbox.put(fetched(), request_id=REQUEST, durable=True)
    outbox.put(failed(date=other_day), request_id=REQUEST, durable=True)
    outbox.put(failed(chat="Not A Chat/..", date=None), request_id=REQUEST, durable=True)
    outbox.put(failed(chat=None, date=None), request_id=REQUEST, durable=True)
    outbox.put(skipped(chat="other"), request_id="fetch-2", durable=True)
    if drained:
        outbox.drain(publisher)
    failure = OutcomeRecord("fetch_failed", ErrorType.NO_ACCESS, "the chat is private", retryable=False)
    assert outbox.outcomes(REQUEST) == {
        ("ru_python", DAY): OutcomeRecord("messages_fetched"),
        ("ru_python", other_day): failure,
        ("Not A Chat/..", None): failure,
        (None, None): failure,
    }
    assert outbox.outcome(REQUEST, "Not A Chat/..", None) == "fetch_failed"
    assert outbox.outcome(REQUEST, None, None) == "fetch_failed"
    assert outbox.outcome(REQUEST, "ru_python", None) is None
    assert outbox.outcomes("nobody") == {}


def test_without_redis_events_wait_in_order_and_go_out_when_it_is_back(outbox, tmp_path):
    with valkey() as server:
        client = redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0))
        publisher = EventPublisher(client, "tg_events", 1000)
        outbox.put(fetched(), request_id="fetch-1", durable=True)
        assert outbox.drain(publisher) == 1
    for number in (2, 3):
        outbox.put(fetched(), request_id=f"fetch-{number}", durable=True)
    with pytest.raises(FetchError, match=r"Redis at .* is away") as caught:
        outbox.drain(publisher)
    client.close()
    assert caught.value.error_type is ErrorType.NETWORK
    assert [name.request_id for name in outbox.pending()] == ["fetch-2", "fetch-3"]
    with valkey() as server, redis.Redis(port=server.port) as client:
        assert outbox.drain(EventPublisher(client, "tg_events", 1000)) == 2
        assert len(told(client)) == 2


def test_where_events_are_switched_off_they_count_as_told(outbox):
    outbox.put(fetched(), request_id=REQUEST, durable=True)
    outbox.put(progress(1), request_id=REQUEST, durable=False)
    assert outbox.drain(None) == 2
    assert outbox.pending() == []
    assert outbox.outcome(REQUEST, "ru_python", DAY) == "messages_fetched"


def test_an_event_that_redis_took_before_the_drainer_died_is_not_heard_twice(outbox, publisher, redis_client):
    outbox.put(fetched(), request_id=REQUEST, durable=True)
    [name] = outbox.pending()
    body = (outbox._pending / name.pending).read_bytes()
    assert publisher.publish(body, orjson.loads(body)["event_id"])
    assert outbox.drain(publisher) == 1
    assert len(told(redis_client)) == 1


def test_torn_and_foreign_files_are_set_aside_and_stop_nobody(outbox, publisher, redis_client, tmp_path):
    outbox.put(fetched(), request_id="fetch-1", durable=True)
    pending = tmp_path / ".outbox" / "pending"
    [whole] = pending.iterdir()
    torn = f"{1:020d}~fetch-0~ru_python~2025-11-07~messages_fetched~0.json"
    (pending / torn).write_bytes(whole.read_bytes()[:40])
    (pending / torn.replace("fetch-0", "fetch-8")).write_bytes(b"")
    (pending / torn.replace("fetch-0", "fetch-9").replace("messages_f", "fetch_st")).write_text("[]")
    (pending / "notes.txt").write_text("foreign")
    (pending / "folder").mkdir()
    outbox.put(fetched(), request_id="fetch-2", durable=True)
    assert outbox.outcomes("fetch-0") == {}
    assert outbox.drain(publisher) == 2
    assert len(told(redis_client)) == 2
    assert list(pending.iterdir()) == []
    assert len(list((tmp_path / ".outbox" / "broken").iterdir())) == 5


DRAIN = """
import os, signal, sys
from pathlib import Path
import redis
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.events.publisher import EventPublisher

class Dying(EventPublisher):
    left = int(sys.argv[3])

    def publish(self, body, event_id):
        self.left -= 1
        if self.left == 0 and sys.argv[4] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        told = super().publish(body, event_id)
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return told

with redis.Redis.from_url(sys.argv[2]) as client:
    outbox = Outbox(Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    outbox.drain(Dying(client, "tg_events", 10_000))
"""


def start_drainer(tmp_path, redis_url, *, dies_at: int = 0, moment: str = "after") -> subprocess.Popen:
    """Another process that drains the outbox on a line of input; it is killed at its n-th event, if any."""
    child = subprocess.Popen(
        [sys.executable, "-c", DRAIN, str(tmp_path), redis_url, str(dies_at), moment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "ready\n"
    return child


def test_two_processes_that_drain_at_once_lose_nothing_and_repeat_nothing(
    outbox, redis_client, redis_url, tmp_path
):
    for number in range(150):
        outbox.put(fetched(), request_id=f"fetch-{number}", durable=True)
        outbox.put(progress(number), request_id=REQUEST, durable=False)
    drainers = [start_drainer(tmp_path, redis_url) for _ in range(2)]
    for drainer in drainers:
        drainer.stdin.write("\n")
        drainer.stdin.flush()
    for drainer in drainers:
        drainer.communicate(timeout=PATIENCE)
        assert drainer.returncode == 0
    events = told(redis_client)
    assert len(events) == 300
    assert len({event["event_id"] for event in events}) == 300
    assert [event["messages_processed"] for event in events if event["event"] == "fetch_progress"] == list(
        range(150)
    )
    assert outbox.pending() == []


@pytest.mark.parametrize("dies", [(1, "before"), (1, "after"), (30, "before"), (30, "after")])
def test_a_drainer_that_is_killed_loses_nothing_and_repeats_nothing(
    outbox, redis_client, redis_url, tmp_path, dies
):
    dies_at, moment = dies
    for number in range(20):
        outbox.put(fetched(), request_id=f"fetch-{number}", durable=True)
    for number in range(40):
        outbox.put(progress(number), request_id=REQUEST, durable=False)
    drainer = start_drainer(tmp_path, redis_url, dies_at=dies_at, moment=moment)
    drainer.communicate("\n", timeout=PATIENCE)
    assert drainer.returncode == -signal.SIGKILL
    assert len(told(redis_client)) == (dies_at if moment == "after" else dies_at - 1)
    assert len(outbox.pending()) == 60 - dies_at + 1
    outbox.drain(EventPublisher(redis_client, "tg_events", 10_000))
    events = told(redis_client)
    assert len(events) == len({event["event_id"] for event in events}) == 60


def test_old_published_events_and_stale_progress_are_forgotten_but_no_untold_end(outbox, tmp_path):
    outbox.put(fetched(), request_id="fetch-old", durable=True)
    outbox.drain(None)
    outbox.put(fetched(), request_id="fetch-untold", durable=True)
    outbox.put(progress(5), request_id="fetch-untold", durable=False)
    (tmp_path / ".outbox" / "pending" / ".x.json.1.2.tmp").write_bytes(b"left by a killed process")
    assert outbox.prune(datetime.now(UTC) - timedelta(hours=1)) == 1
    assert outbox.prune(datetime.now(UTC) + timedelta(hours=1)) == 2
    assert outbox.outcomes("fetch-old") == {}
    assert [(name.event, name.request_id) for name in outbox.pending()] == [
        ("messages_fetched", "fetch-untold")
    ]
    assert outbox.pending()[0].recorded_at <= datetime.now(UTC)


def test_an_outcome_is_found_among_thousands_without_reading_them(outbox, publisher, monkeypatch):
    days = [DAY - timedelta(days=number) for number in range(300)]
    for day in days:
        outbox.put(failed(date=day), request_id=REQUEST, durable=True)
    parsed = []
    parse = OutboxName.parse
    monkeypatch.setattr(OutboxName, "parse", lambda name: parsed.append(name) or parse(name))
    assert outbox.outcome(REQUEST, "ru_python", days[-1]) == "fetch_failed"
    assert outbox.outcome(REQUEST, "ru_python", days[-1] - timedelta(days=1)) is None
    assert len(parsed) == 1
    outbox.drain(publisher)
    assert outbox.outcome(REQUEST, "ru_python", days[-1]) == "fetch_failed"
    assert outbox.outcome(REQUEST, "ru_python", days[-1] - timedelta(days=1)) is None


def test_an_outbox_that_was_never_used_is_empty(outbox, publisher):
    assert outbox.pending() == []
    assert outbox.drain(publisher) == 0
    assert outbox.prune(datetime.now(UTC)) == 0


def test_a_request_id_that_is_no_safe_name_is_a_fault_of_the_program(outbox):
    for request_id in ("", "../x", "a~b", ".hidden"):
        with pytest.raises(ValueError, match="not a request id"):
            outbox.put(fetched(), request_id=request_id, durable=True)


def test_a_disk_that_refuses_an_event_is_one_line(tmp_path):
    (tmp_path / ".outbox").write_text("in the way")
    with pytest.raises(FetchError) as caught:
        Outbox(tmp_path).put(progress(1), request_id=REQUEST, durable=True)
    assert caught.value.error_type is ErrorType.STORAGE


def test_an_outcome_is_found_while_another_process_publishes_it(outbox, monkeypatch):
    outbox.put(fetched(), request_id=REQUEST, durable=True)
    ended = outbox._ended

    def published_meanwhile(request_id):
        names = list(ended(request_id))
        outbox.drain(None)
        return iter(names)

    monkeypatch.setattr(outbox, "_ended", published_meanwhile)
    assert outbox.outcomes(REQUEST) == {("ru_python", DAY): OutcomeRecord("messages_fetched")}


def test_the_repeat_memory_has_an_end_and_the_stream_is_capped(redis_client):
    publisher = EventPublisher(redis_client, "mine", 100)
    assert publisher.publish(b"{}", "id-0")
    assert not publisher.publish(b"{}", "id-0")
    assert 0 < redis_client.ttl("mine:seen:id-0") <= keys.SEEN_SECONDS
    for number in range(1, 1000):
        publisher.publish(b"{}", f"id-{number}")
    assert redis_client.xlen("mine:stream") < 400
    assert set(redis_client.scan_iter("tg_events*")) == set()


def test_an_event_that_the_stream_refused_is_not_remembered_as_told(redis_client):
    publisher = EventPublisher(redis_client, "mine", 100)
    redis_client.set("mine:stream", "of another kind")
    with pytest.raises(FetchError, match="refuses") as caught:
        publisher.publish(b"{}", "id-0")
    assert caught.value.error_type is ErrorType.NETWORK
    redis_client.delete("mine:stream")
    assert publisher.publish(b"{}", "id-0")


def test_the_time_of_recording_never_goes_back_within_a_process(outbox, monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 1_762_500_000_000_000_000)
    for count in (3, 2, 1):
        outbox.put(progress(count), request_id=REQUEST, durable=False)
    assert [name.sequence for name in outbox.pending()] == [3, 2, 1]
