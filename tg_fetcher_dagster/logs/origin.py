"""Who writes a line: the fields that every line of a process has."""

import os
import socket
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from tg_fetcher_dagster.settings import Settings


def origin_of(settings: Settings, *, pid: int | None = None) -> dict[str, str]:
    """Returns `service`, `environment`, `version`, `host` and `worker_id`.

    Args:
        settings: they name the first two, and the last one where somebody wants to.
        pid: of another process that is written for.
    """
    host = socket.gethostname()
    return {
        "service": settings.service_name,
        "environment": settings.environment,
        "version": own_version(),
        "host": host,
        "worker_id": settings.worker_id or f"{host}:{pid or os.getpid()}",
    }


@cache
def own_version() -> str:
    """Returns the version of this package as it is installed."""
    try:
        return version("tg-fetcher-dagster")
    except PackageNotFoundError:  # run from a folder that nobody has installed
        return "unknown"
