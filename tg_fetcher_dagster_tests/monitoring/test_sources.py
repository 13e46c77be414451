"""Real sources that are killed and frozen: each is known to be away, and none holds up an answer."""

import os
import signal
from pathlib import Path

import orjson
import pytest
import redis

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.monitoring import redis_source
from tg_fetcher_dagster.monitoring.disk_source import read_disk
from tg_fetcher_dagster.monitoring.reader import Reader
from tg_fetcher_dagster.monitoring.redis_source import RedisFacts, RedisSource, said_moment
from tg_fetcher_dagster.requests.spool import put
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.fixtures_redis import free_port, redis_client, redis_server, redis_url, valkey  # noqa: F401

AT = 1_762_941_600.0
"""2025-11-12, 10:00 UTC."""


def push(client: redis.Redis, **command: object) -> None:
    client.rpush("tg_commands", orjson.dumps({"command": "fetch", "chat": "a", **command}))


class Clock:
    now = AT

    def __call__(self) -> float:
        return self.now


def test_the_queue_is_as_old_as_its_first_command_says(redis_client: redis.Redis, redis_url: str) -> None:  # noqa: F811
    clock = Clock()
    source = RedisSource(Settings(redis_url=redis_url), clock=clock)
    assert source.read().facts == RedisFacts(queued=0, oldest_at=None)
    push(redis_client, timestamp="2025-11-12T09:58:00Z")
    push(redis_client)
    assert source.read().facts == RedisFacts(queued=2, oldest_at=AT - 120)
    redis_client.lpop("tg_commands")
    clock.now += 5
    # The next one says nothing: it counts from when it was first seen at the head.
    assert source.read().facts == RedisFacts(queued=1, oldest_at=AT + 5)
    clock.now += 60
    assert source.read().facts == RedisFacts(queued=1, oldest_at=AT + 5)
    assert redis_client.llen("tg_commands") == 1, "a look takes nothing"


@pytest.mark.parametrize(
    ("command", "moment"),
    [
        (b'{"timestamp": "2025-11-12T10:00:00Z"}', AT),
        (b'{"timestamp": "2025-11-12T12:00:00+02:00"}', AT),
        (b'{"timestamp": "2025-11-12T10:00:00"}', AT),
        (b'{"timestamp": "noon"}', None),
        (b'{"timestamp": 5}', None),
        (b'{"timestamp": null}', None),
        (b"[]", None),
        (b"no json", None),
        (b"\xff", None),
    ],
)
def test_a_moment_that_cannot_be_read_is_none(command: bytes, moment: float | None) -> None:
    assert said_moment(command) == moment


def test_a_redis_that_is_killed_is_away_and_comes_back() -> None:
    port = free_port()
    with valkey(port):
        reader = Reader("redis", RedisSource(Settings(redis_url=f"redis://127.0.0.1:{port}")).read, every=5)
        reader.look()
        assert reader.seen.up
    reader.look()
    assert not reader.seen.up
    assert "is away" in (reader.seen.error or "")
    assert reader.seen.reading is not None, "its last values stay"
    with valkey(port):
        reader.look()
        assert reader.seen.up


def test_a_redis_that_is_frozen_is_away_until_it_moves_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts, for the kernel does, and never answers."""
    monkeypatch.setattr(redis_source, "QUICK_TIMEOUT", 0.1)
    with valkey() as server:
        settings = Settings(redis_url=f"redis://127.0.0.1:{server.port}")
        reader = Reader("redis", RedisSource(settings).read, every=5)
        process = server._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        try:
            reader.look()
            assert not reader.seen.up
            assert "does not answer" in (reader.seen.error or "")
        finally:
            os.kill(process.pid, signal.SIGCONT)
        reader.look()
        assert reader.seen.up


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "data" / ".ledger").mkdir(parents=True)
    return Settings(data_dir=tmp_path / "data")


def test_the_disk_is_shown_by_what_lies_there(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(read_disk(settings).facts.spaces) == {"data", "ledger"}
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    elsewhere = settings.model_copy(update={"ledger_url": "postgresql://u@127.0.0.1:1/ledger"})
    facts = read_disk(elsewhere).facts
    assert set(facts.spaces) == {"data", "dagster"}
    found = os.statvfs(tmp_path)
    assert facts.spaces["data"].size == found.f_blocks * found.f_frsize


def test_commands_that_wait_as_files_are_counted(settings: Settings) -> None:
    assert read_disk(settings).facts.spooled == 0
    first = put(settings.data_dir, {"command": "fetch"})
    put(settings.data_dir, {"command": "fetch"})
    facts = read_disk(settings).facts
    assert (facts.spooled, facts.oldest_at) == (2, first.stat().st_mtime)


def test_a_folder_that_is_gone_is_no_disk_without_space(settings: Settings) -> None:
    gone = settings.model_copy(update={"data_dir": settings.data_dir / "gone"})
    with pytest.raises(FetchError, match="gone cannot be looked at: No such file"):
        read_disk(gone)
