"""Where commands come from: Redis, where there is one, and the spool folder."""

from collections.abc import Iterator
from contextlib import contextmanager

from tg_fetcher_dagster.redis_connection import QUICK_TIMEOUT, connect
from tg_fetcher_dagster.requests.reconciler import Source
from tg_fetcher_dagster.requests.redis_commands import RedisCommands
from tg_fetcher_dagster.requests.spool import SpoolFolder
from tg_fetcher_dagster.settings import Settings


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
