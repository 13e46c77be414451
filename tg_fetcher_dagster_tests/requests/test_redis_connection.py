import socket
from contextlib import contextmanager

import pytest

from tg_fetcher_dagster import redis_connection
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.redis_connection import address, connect, redis_failures
from tg_fetcher_dagster.settings import Settings


def settings(**values):
    return Settings.read(**values)


def test_a_client_answers_with_bytes(redis_url):
    with connect(settings(redis_url=redis_url)) as client:
        client.set("key", "value")
        assert client.get("key") == b"value"


def test_redis_that_is_away_is_one_line(monkeypatch):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    client = connect(settings(redis_url=f"redis://user:hidden@127.0.0.1:{port}"))
    with (
        pytest.raises(FetchError, match=f"Redis at 127.0.0.1:{port} is away") as caught,
        redis_failures(client),
    ):
        client.ping()
    assert caught.value.error_type is ErrorType.NETWORK
    assert caught.value.retryable
    assert "hidden" not in str(caught.value)


def test_a_password_is_given_and_a_wrong_one_is_said_but_not_shown(redis_url, redis_client):
    redis_client.config_set("requirepass", "right-one")
    try:
        with connect(settings(redis_url=redis_url, redis_password="right-one")) as client:
            assert client.ping()
        with connect(settings(redis_url=redis_url, redis_password="wrong-one")) as client:
            with pytest.raises(FetchError, match="check REDIS_PASSWORD") as caught, redis_failures(client):
                client.ping()
            assert "wrong-one" not in str(caught.value)
    finally:
        redis_client.config_set("requirepass", "")


def test_a_refused_call_is_one_line(redis_client):
    redis_client.set("text", "x")
    with pytest.raises(FetchError, match=r"refuses: .*WRONGTYPE") as caught, redis_failures(redis_client):
        redis_client.lpush("text", "y")
    assert caught.value.error_type is ErrorType.NETWORK


def test_an_address_that_cannot_be_read_is_not_shown():
    with pytest.raises(FetchError, match="REDIS_URL") as caught:
        connect(settings(redis_url="redis://:hidden@host:notaport"))
    assert caught.value.error_type is ErrorType.VALIDATION
    assert "hidden" not in str(caught.value)


def test_a_unix_socket_is_named_by_its_path():
    with connect(settings(redis_url="unix:///run/redis.sock")) as client:
        assert address(client) == "unix:/run/redis.sock"


@contextmanager
def silent_server():
    """Accepts (the kernel does) and never answers; gives its address and a count of its clients."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        server.setblocking(False)
        clients = []

        def count():
            try:
                while True:
                    clients.append(server.accept()[0])
            except BlockingIOError:
                return len(clients)

        try:
            yield f"redis://127.0.0.1:{server.getsockname()[1]}", count
        finally:
            for client in clients:
                client.close()


@pytest.mark.parametrize("patience", [0.05, None])
def test_redis_that_accepts_and_never_answers_is_asked_once(monkeypatch, patience):
    monkeypatch.setattr(redis_connection, "ANSWER_TIMEOUT", 0.05)
    with silent_server() as (url, clients):
        client = connect(settings(redis_url=url), patience=patience)
        with pytest.raises(FetchError, match="does not answer") as caught, redis_failures(client):
            client.llen("tg_commands")
        assert caught.value.error_type is ErrorType.NETWORK
        assert clients() == 1


def test_redis_that_stops_answering_in_mid_work_is_one_line(monkeypatch, redis_url, redis_client):
    monkeypatch.setattr(redis_connection, "ANSWER_TIMEOUT", 0.2)
    with connect(settings(redis_url=redis_url)) as client:
        assert client.ping()
        redis_client.execute_command("CLIENT", "PAUSE", "60000", "WRITE")
        try:
            with pytest.raises(FetchError, match="does not answer"), redis_failures(client):
                client.set("key", "value")
        finally:
            redis_client.execute_command("CLIENT", "UNPAUSE")
