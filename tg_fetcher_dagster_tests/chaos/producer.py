"""Pushes commands as a producer does, and keeps which of them Redis has acknowledged."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import redis

from tg_fetcher_dagster_tests.chaos.commands import Command
from tg_fetcher_dagster_tests.chaos.pace import moment
from tg_fetcher_dagster_tests.chaos.redis_server import DurableRedis

QUEUE = "tg_commands"


@dataclass(slots=True)
class Producer:
    """What was pushed.

    Attributes:
        acknowledged: the commands that Redis has answered for, and when.
        unanswered: those of which nobody knows whether Redis has them.
        windows: the stretches of time that Redis has lost (seconds since 1970).
    """

    server: DurableRedis
    waiting: deque[Command]
    acknowledged: dict[str, float] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    windows: list[tuple[float, float]] = field(default_factory=list)

    def push(self, count: int) -> None:
        """Pushes the next commands, one by one; where Redis is away they wait for the next time."""
        with self.server.client() as client:
            for _ in range(min(count, len(self.waiting))):
                command = self.waiting[0]
                try:
                    client.ping()
                except redis.RedisError:
                    return
                self.waiting.popleft()
                try:
                    client.rpush(QUEUE, command.entry)
                except redis.RedisError:
                    self.unanswered.add(command.command_id)
                else:
                    self.acknowledged[command.command_id] = moment()

    def may_be_lost(self, command: Command) -> bool:
        """True where a command was pushed in a second that Redis has lost."""
        at = self.acknowledged[command.command_id]
        return any(first <= at <= last for first, last in self.windows)


def pushed(asked: Sequence[Command], server: DurableRedis) -> Producer:
    """Returns a producer that has all of it before itself."""
    return Producer(server, deque(asked))
