"""Publishes day ends on the channel and the stream, each once and in order.

One script looks for repeats, adds to the stream and publishes, so that two processes with the same events,
or one that lost Redis's answer and asks again, are heard once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis

from tg_fetcher_dagster.events import keys
from tg_fetcher_dagster.redis_connection import address, redis_failures

_PUBLISH_ONCE = """
for place = 1, #KEYS - 1 do
  local body, id = ARGV[2 + 2 * place], ARGV[3 + 2 * place]
  if redis.call('EXISTS', KEYS[1 + place]) == 0 then
    local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'event', body, 'event_id', id)
    if type(added) == 'table' and added.err then
      return {place - 1, added.err}
    end
    redis.call('SET', KEYS[1 + place], '1', 'EX', ARGV[3])
    redis.call('PUBLISH', ARGV[1], body)
  end
end
return {#KEYS - 1, ''}
"""
# SET comes after XADD: a script is not rolled back, and an event that the stream refused must not count as
# seen. All of it runs at once, so nothing can come between EXISTS and SET. What stands behind an event that
# was refused is not tried: it would be told before it.

MOST_AT_ONCE = 100
"""Events of one script call, which keeps Redis from all others for a millisecond or two."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What Redis took of several events.

    Attributes:
        count: how many of them, from the first one on; those it had been told before among them.
        refusal: why it did not take the next one, one line; None where it took all.
    """

    count: int
    refusal: str | None


class EventPublisher:
    """Tells the consumers; needs Redis, so only the outbox calls it.

    Args:
        client: Redis, with `decode_responses=False`.
        channel: the setting EVENTS_CHANNEL.
        stream_length: about how many events the stream keeps.
    """

    def __init__(self, client: redis.Redis, channel: str, stream_length: int) -> None:
        self._client = client
        self._channel = channel
        self._stream_length = stream_length
        self._publish_once: Any = client.register_script(_PUBLISH_ONCE)

    def publish(self, events: Sequence[tuple[str, str]]) -> Taken:
        """Publishes events in order, each of them unless it has been published before.

        Args:
            events: the id and the JSON of each, at most MOST_AT_ONCE.

        Raises:
            FetchError: (network) Redis is away; whether it took them is not known then, and asking again is
                right.
        """
        with redis_failures(self._client):
            count, refusal = self._publish_once(
                keys=[keys.stream(self._channel), *(keys.seen(self._channel, each) for each, _ in events)],
                args=[
                    self._channel,
                    self._stream_length,
                    keys.SEEN_SECONDS,
                    *(part for each, body in events for part in (body, each)),
                ],
            )
        if not refusal:
            return Taken(len(events), None)
        why = refusal.decode(errors="replace")
        return Taken(int(count), f"Redis at {address(self._client)} refuses an event: {why}")
