"""One way to connect to Redis, and its failures as one line without the password.

Everything that talks to Redis takes a client made here; what is done with it stands with its owner
(requests/keys.py, events/keys.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, RedisError
from redis.retry import Retry

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings

CONNECT_TIMEOUT = 3.0
"""Seconds until a server that does not answer counts as away."""

ANSWER_TIMEOUT = 8.0
"""Seconds to wait for an answer. redis-py's own default of 5 would cut a blocking move that waits longer."""

QUICK_TIMEOUT = 2.0
"""The `patience` of a look that somebody waits for, be it a tick: to connect, and for an answer."""

RETRIES = 2
"""Further tries of one call whose connection broke; every write of ours is safe to repeat.

A server that accepts and never answers is asked once: redis-py repeats both the handshake and the call, and
three times three tries of 15 s made a tick last 136 s."""


def connect(settings: Settings, *, patience: float | None = None, retries: int = RETRIES) -> redis.Redis:
    """Returns a client for `REDIS_URL` that answers with bytes. It connects at its first call.

    Args:
        settings: where it is; ask `redis_url` first where running without Redis is right.
        patience: seconds until a server counts as away, for who waits less than CONNECT_TIMEOUT and
            ANSWER_TIMEOUT.
        retries: further tries of one call whose connection broke.

    Raises:
        FetchError: (validation) the address cannot be understood, or there is none.
    """
    if settings.redis_url is None:
        raise FetchError(ErrorType.VALIDATION, "setting REDIS_URL is empty: there is no Redis to talk to")
    password = settings.redis_password.get_secret_value() if settings.redis_password else None
    try:
        return redis.Redis.from_url(
            settings.redis_url,
            **({"password": password} if password else {}),
            decode_responses=False,
            client_name="tg-fetcher",
            socket_connect_timeout=patience or CONNECT_TIMEOUT,
            socket_timeout=patience or ANSWER_TIMEOUT,
            socket_keepalive=True,
            health_check_interval=30,
            retry=Retry(
                ExponentialWithJitterBackoff(base=0.05, cap=0.5),
                retries,
                supported_errors=(redis.ConnectionError,),
            ),
        )
    except ValueError:
        # The reason may quote the address, and with it a password.
        raise FetchError(
            ErrorType.VALIDATION,
            "setting REDIS_URL: must read redis://HOST:PORT[/DB], rediss://... or unix://PATH"
            " (the value is not shown)",
        ) from None


def address(client: redis.Redis) -> str:
    """Returns where the client connects to, without user or password."""
    facts = client.connection_pool.connection_kwargs
    path = facts.get("path")
    if path:
        return f"unix:{path}"
    return f"{facts.get('host', 'localhost')}:{facts.get('port', 6379)}"


@contextmanager
def redis_failures(client: redis.Redis) -> Iterator[None]:
    """Turns what redis-py raises inside the block into a `FetchError`.

    Raises:
        FetchError: (network) Redis is away, refuses the password or refuses the call.
    """
    try:
        yield
    except (AuthenticationError, AuthorizationError):
        raise FetchError(
            ErrorType.NETWORK, f"Redis at {address(client)} refuses us: check REDIS_PASSWORD and REDIS_URL"
        ) from None
    except redis.TimeoutError as error:
        raise FetchError(
            ErrorType.NETWORK, f"Redis at {address(client)} does not answer: {error or 'timeout'}"
        ) from error
    except (redis.ConnectionError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise FetchError(ErrorType.NETWORK, f"Redis at {address(client)} is away: {reason}") from error
    except RedisError as error:
        raise FetchError(ErrorType.NETWORK, f"Redis at {address(client)} refuses: {error}") from error
