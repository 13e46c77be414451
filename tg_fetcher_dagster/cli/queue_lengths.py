"""How many commands Redis holds."""

from tg_fetcher_dagster.redis_connection import QUICK_TIMEOUT, connect, redis_failures
from tg_fetcher_dagster.requests.keys import CommandKeys
from tg_fetcher_dagster.settings import Settings


def queue_lengths(settings: Settings) -> dict[str, int]:
    """Returns how many commands are in each list.

    Raises:
        FetchError: (network) Redis is away, or does not answer.
    """
    keys = CommandKeys(settings.commands_queue)
    with connect(settings, patience=QUICK_TIMEOUT, retries=0) as client, redis_failures(client):
        pipe = client.pipeline(transaction=False)
        pipe.llen(keys.queue)
        pipe.llen(keys.processing)
        pipe.zcard(keys.delayed)
        pipe.llen(keys.failed)
        return dict(zip(("queued", "processing", "delayed", "failed"), pipe.execute(), strict=True))
