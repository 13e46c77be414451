"""Publishes an event on the channel and the stream, once.

One script looks for a repeat, adds to the stream and publishes, so that two processes with the same event,
or one that lost Redis's answer and asks again, are heard once.
"""

from typing import Any

import redis

from tg_fetcher_dagster.events import keys
from tg_fetcher_dagster.redis_connection import redis_failures

_PUBLISH_ONCE = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'event', ARGV[2], 'event_id', ARGV[4])
redis.call('SET', KEYS[1], '1', 'EX', ARGV[5])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
"""
# SET comes after XADD: a script is not rolled back, and an event that the stream refused must not count as
# seen. All of it runs at once, so nothing can come between EXISTS and SET.


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

    def publish(self, event_json: bytes, event_id: str) -> bool:
        """Publishes an event; returns False where it had been published before.

        Raises:
            FetchError: (network) Redis is away or refused; whether it took the event is not known then, and
                asking again is right.
        """
        with redis_failures(self._client):
            published = self._publish_once(
                keys=[keys.seen(self._channel, event_id), keys.stream(self._channel)],
                args=[self._channel, event_json, self._stream_length, event_id, keys.SEEN_SECONDS],
            )
        return bool(published)
