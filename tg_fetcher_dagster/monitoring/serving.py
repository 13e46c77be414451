"""The monitor's process: it takes its port, reads its sources and answers until SIGTERM or Ctrl-C."""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvicorn
from starlette.applications import Starlette

from tg_fetcher_dagster.errors import ErrorType, FetchError

PATIENCE: Final = 5
"""Seconds that an answer under way has when the process is to end."""


def listening_socket(host: str, port: int) -> socket.socket:
    """Returns a socket that listens.

    Raises:
        FetchError: (validation) the port is taken, or the address is none of this machine.
    """
    try:
        (family, _, _, _, place), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return socket.create_server(place[:2], family=family, backlog=128)
    except (OSError, UnicodeError) as error:
        numbered = isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno
        why = os.strerror(numbered) if numbered else "it is no address of this machine"
        raise FetchError(
            ErrorType.VALIDATION,
            f"cannot listen on {host}:{port}: {why}; METRICS_PORT and MONITOR_HOST say where",
        ) from None


class _Server(uvicorn.Server):
    """uvicorn, which says when it answers."""

    def __init__(self, config: uvicorn.Config, begun: Callable[[], None]) -> None:
        super().__init__(config)
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to answer."""
        await super().startup(sockets)
        self._begun()


def serve(application: Starlette, listening: socket.socket, *, begun: Callable[[], None]) -> None:
    """Answers until the process is told to end; answers under way are finished.

    Args:
        application: what is served.
        listening: an open socket; it is closed.
        begun: called once it answers.
    """
    # The plain loop and parser: a few requests a minute need no faster ones, which take some MB each.
    config = uvicorn.Config(
        application,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=PATIENCE,
    )
    # uvicorn hands on the signal that ended it, when all is over.
    with listening, suppress(KeyboardInterrupt):
        _Server(config, begun).run(sockets=[listening])
