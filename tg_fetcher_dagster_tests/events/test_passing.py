"""Progress is heard by whoever listens, kept nowhere, and never in the way of a fetch."""

import socket

import orjson
import pytest
import redis

from tg_fetcher_dagster.events.passing import PAUSE, Passing
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.events.telling import REQUEST, fetched, progress
from tg_fetcher_dagster_tests.fixtures_redis import free_port, valkey
from tg_fetcher_dagster_tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_progress_is_heard_and_kept_nowhere(redis_client, redis_url):
    with redis_client.pubsub() as heard, Passing(Settings.read(redis_url=redis_url)) as passing:
        heard.subscribe("tg_events")
        assert heard.get_message(timeout=PATIENCE)["type"] == "subscribe"
        passing.tell(progress(100), request_id=REQUEST)
        event = orjson.loads(heard.get_message(timeout=PATIENCE)["data"])
    assert (event["event"], event["messages_processed"]) == ("fetch_progress", 100)
    assert event["event_id"]
    assert redis_client.keys("*") == []


@pytest.mark.parametrize("off", [{"enable_events": False}, {"enable_progress_events": False}])
def test_progress_that_nobody_wants_is_not_told(redis_client, redis_url, off):
    with redis_client.pubsub() as heard, Passing(Settings.read(redis_url=redis_url, **off)) as passing:
        heard.subscribe("tg_events")
        assert heard.get_message(timeout=PATIENCE)["type"] == "subscribe"
        passing.tell(progress(100), request_id=REQUEST)
        redis_client.publish("tg_events", b"the last word")
        assert heard.get_message(timeout=PATIENCE)["data"] == b"the last word"


def test_without_redis_nothing_is_tried(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "")
    with Passing(Settings.read()) as passing:
        passing.tell(progress(100), request_id=REQUEST)


def test_a_redis_that_accepts_and_never_answers_is_asked_once_and_then_left_alone():
    now = [0.0]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        settings = Settings.read(redis_url=f"redis://127.0.0.1:{silent.getsockname()[1]}")

        def asked() -> int:
            times = 0
            while True:
                try:
                    silent.accept()[0].close()
                except BlockingIOError:
                    return times
                times += 1

        with Passing(settings, clock=lambda: now[0]) as passing:
            for count in range(1000):
                passing.tell(progress(count), request_id=REQUEST)
            assert asked() == 1
            now[0] = PAUSE + 1
            for count in range(1000):
                passing.tell(progress(count), request_id=REQUEST)
            assert asked() == 1


def test_a_redis_that_comes_back_is_told_again():
    now = [0.0]
    port = free_port()
    with Passing(Settings.read(redis_url=f"redis://127.0.0.1:{port}"), clock=lambda: now[0]) as passing:
        passing.tell(progress(1), request_id=REQUEST)
        now[0] = PAUSE + 1
        with valkey(port), redis.Redis(port=port) as client, client.pubsub() as heard:
            heard.subscribe("tg_events")
            assert heard.get_message(timeout=PATIENCE)["type"] == "subscribe"
            passing.tell(progress(2), request_id=REQUEST)
            assert orjson.loads(heard.get_message(timeout=PATIENCE)["data"])["messages_processed"] == 2


def test_the_end_of_a_day_is_not_told_in_passing():
    with Passing(Settings.read()) as passing, pytest.raises(ValueError, match="told by the outbox"):
        passing.tell(fetched(), request_id=REQUEST)
