"""Notices that Redis has lost time: a restart may cost it the last second, an older snapshot much more.

The ledger keeps a number that only grows, the moment of its last word with Redis, and leaves it there, too.
When Redis gives back an older one, or none, all that it was told since then is in doubt: those events become
pending again and are told under the ids that they had, which silences the ones that Redis still knows.
(An append-only file is written in order: what came before a number that survived has survived, too;
valkey.io, "Persistence".)
"""

import time
from dataclasses import asdict, dataclass

import orjson
import redis
import structlog

from tg_fetcher_dagster.events import keys
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.facts import keep_fact, number_fact, object_fact
from tg_fetcher_dagster.redis_connection import redis_failures

log = structlog.get_logger(__name__)

MARGIN = 10.0
"""Seconds before the moment that Redis remembers which are in doubt, too: the clocks of hosts differ."""

LONGEST_LOSS = 3600.0
"""Seconds before the ledger's last word with Redis that are told again at most: one that comes back empty, or
another one, is not told all of the history."""

EPOCH = "redis_epoch"
LOSS = "redis_lost_time"

_LEAVE = """
local known = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
if known >= tonumber(ARGV[1]) and known < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[2])
end
return string.format('%.0f', known)
"""
# A number that is older than expected stays until the ledger has noted the loss, so that a process which is
# killed in between hides nothing.


@dataclass(frozen=True, slots=True)
class Lost:
    """A loss of time that was noticed.

    Attributes:
        since: what Redis was told after that moment may be gone (seconds since 1970).
        noticed_at: when it was noticed; what was told after that is there.
    """

    since: float
    noticed_at: float


def redis_lost_time(ledger: Ledger, client: redis.Redis, channel: str) -> Lost | None:
    """Looks whether Redis has lost time, and leaves word of this moment.

    Who notices a loss first makes the events of that time pending again. Who takes commands from Redis asks
    here first, too, since commands of that time may reappear; `latest_loss` tells of a loss that another
    process has noticed.

    Args:
        ledger: where the last word is noted.
        client: Redis.
        channel: the setting EVENTS_CHANNEL, after which the key is named.

    Raises:
        FetchError: (network) Redis is away; (storage) the ledger refuses.
    """
    with ledger.read() as connection:
        expected = _epoch(connection)
    mine = max(int(time.time() * 1000), expected + 1)
    known = _leave(client, channel, expected, mine)
    again = 0
    with ledger.write() as connection:
        current = _epoch(connection)
        # Redis has held `current` at some time, before our word or after it. Had it lost nothing, it would
        # have known that much when we spoke with it, or have kept ours, which is greater.
        lost = _lost(known, current) if known < current < mine else None
        if lost:
            again = outbox.publish_again(connection, lost.since)
            keep_fact(connection, LOSS, orjson.dumps(asdict(lost)).decode())
        keep_fact(connection, EPOCH, str(max(current, mine, known)))
    if lost:
        log.warning("Redis has lost time: what it was told since then is told again", events=again)
        _leave(client, channel, 0, mine)
    return lost


def latest_loss(connection: Connection) -> Lost | None:
    """Returns the last loss that anybody has noticed."""
    noted = object_fact(connection, LOSS)
    moments = [noted.get(name) for name in ("since", "noticed_at")]
    since, noticed_at = (each if isinstance(each, int | float) else None for each in moments)
    return None if since is None or noticed_at is None else Lost(since=since, noticed_at=noticed_at)


def _epoch(connection: Connection) -> int:
    return int(number_fact(connection, EPOCH))


def _leave(client: redis.Redis, channel: str, expected: int, mine: int) -> int:
    script = client.register_script(_LEAVE)
    with redis_failures(client):
        return int(script(keys=[keys.epoch(channel)], args=[expected, mine]))


def _lost(known: int, current: int) -> Lost:
    moment = time.time()  # numbers of the future come from a clock that was wrong
    since = max(min(known / 1000, moment), min(current / 1000, moment) - LONGEST_LOSS)
    return Lost(since=since - MARGIN, noticed_at=moment)
