"""Listens on the events' channel as a consumer would, and knows when every asked day has its event."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import orjson
import redis

from tg_fetcher_dagster.events import keys
from tg_fetcher_dagster.events.models import TERMINAL
from tg_fetcher_sandbox.demo.asking import EVENTS, Asked

LOOK_SECONDS = 0.2
"""How long one look at the channel waits."""


class Watch:
    """The events as they arrived."""

    def __init__(self, channel: "redis.client.PubSub", asked: Iterable[Asked]) -> None:
        self._channel = channel
        self.wanted = frozenset((each.chat, day) for each in asked for day in each.days)
        self.events: list[dict[str, Any]] = []
        self.ended: dict[tuple[str, date], dict[str, Any]] = {}

    @property
    def done(self) -> bool:
        """Whether every asked day has its event."""
        return self.wanted <= self.ended.keys()

    def look(self) -> list[dict[str, Any]]:
        """Returns what has arrived since the last look, after a short wait if nothing has."""
        arrived = []
        message = self._channel.get_message(ignore_subscribe_messages=True, timeout=LOOK_SECONDS)
        while message is not None:
            arrived.append(orjson.loads(message["data"]))
            message = self._channel.get_message(ignore_subscribe_messages=True, timeout=0.0)
        for event in arrived:
            if event["event"] in TERMINAL and event["date"]:
                self.ended[event["chat"], date.fromisoformat(event["date"])] = event
        self.events += arrived
        return arrived


@contextmanager
def watch(client: redis.Redis, asked: Iterable[Asked]) -> Iterator[Watch]:
    """Subscribes before anything is pushed: what is published earlier is lost on a channel."""
    with client.pubsub() as channel:  # type: ignore[no-untyped-call]
        channel.subscribe(EVENTS)
        channel.get_message(timeout=5)
        yield Watch(channel, asked)


def stream_of(client: redis.Redis) -> list[dict[str, Any]]:
    """Returns all events of the stream, the oldest first."""
    entries: Any = client.xrange(keys.stream(EVENTS))
    return [orjson.loads(fields[b"event"]) for _, fields in entries]
