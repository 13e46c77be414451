"""Where commands come from: Redis, where there is one, and the spool folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.redis_connection import QUICK_TIMEOUT, connect
from tg_fetcher_dagster.requests.redis_commands import RedisCommands
from tg_fetcher_dagster.requests.spool import SpoolFolder
from tg_fetcher_dagster.settings import Settings


class Source(Protocol):
    """A place that commands come from, and that shows what became of them."""

    def take(self, ledger: Ledger, now: float, *, wait_seconds: float = 0) -> int:
        """Moves a handful of commands into the ledger; returns how many, 0 where none are left.

        Where the place is away it says so once, in `notes`, and takes nothing.
        """

    def show(self, ledger: Ledger, now: float) -> None:
        """Lets those who look at the place see what waits and what failed."""

    def left(self) -> int:
        """Returns how many commands wait there; 0 where the place is away."""

    @property
    def notes(self) -> list[str]:
        """What there is to say of the place since the tick began."""


@contextmanager
def open_sources(settings: Settings) -> Iterator[list[Source]]:
    """Gives the sources of a deployment for one tick; the first one is waited for.

    Raises:
        FetchError: (validation) REDIS_URL cannot be understood.
    """
    spool = SpoolFolder(settings.data_dir)
    if settings.redis_url is None:
        yield [spool]
        return
    with connect(settings, patience=QUICK_TIMEOUT, retries=0) as client:
        redis = RedisCommands(client, settings.commands_queue, channel=settings.events_channel)
        yield [redis, spool]
