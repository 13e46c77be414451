"""One tick in a process that is killed (SIGKILL, for real) at a chosen step.

A step is what lasts: a commit of a transaction that writes, a call of Redis, a file that is removed; the kill
comes just before it. What a transaction does before its commit is undone by a kill, whichever statement that
meets.
"""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.engines import WRITES
from tg_fetcher_dagster.requests.redis_commands import RedisCommands
from tg_fetcher_dagster.requests.runs import RunState
from tg_fetcher_dagster.requests.spool import SpoolFolder
from tg_fetcher_dagster_tests.fetching import committing_day
from tg_fetcher_dagster_tests.requests.office import Office

QUEUE = "tg_commands"

FORKS = committing_day.FORKS
FORKS.set_forkserver_preload([committing_day.__name__, __name__])


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A deployment at a moment, as another process finds it.

    Attributes:
        runs: those that somebody carries out, by their keys and ids.
        order: the chats as their partitions are ordered.
        now: seconds since 1970.
    """

    url: str
    redis_url: str
    data_dir: Path
    runs: Mapping[str, RunState]
    order: Sequence[str]
    now: float

    def office(self, ledger: Ledger, client: redis.Redis) -> Office:
        """Returns the deployment with its sources, as a tick of a new process has them."""
        sources = [RedisCommands(client, QUEUE, channel="tg_events"), SpoolFolder(self.data_dir)]
        return Office(
            ledger, self.data_dir, now=self.now, runs=dict(self.runs), order=list(self.order), sources=sources
        )


def tick_killed_at(step: int, moment: Moment) -> bool:
    """Ticks in a process that is killed at its step of that number; False where it has fewer."""
    process = FORKS.Process(target=_tick, args=(step, moment))
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


def _tick(step: int, moment: Moment) -> None:
    with Ledger.open(moment.url) as ledger, redis.Redis.from_url(moment.redis_url) as client:
        client.ping()
        _kill_at(step)
        moment.office(ledger, client).tick()


def _kill_at(step: int) -> None:
    left = step

    def passes(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(really: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            passes()
            return really(*args, **kwargs)

        return call

    def commits(connection: sa.Connection) -> None:
        if connection.get_execution_options().get(WRITES):
            passes()

    sa.event.listen(sa.Engine, "commit", commits)
    for of, name in (
        (redis.Redis, "execute_command"),
        (redis.client.Pipeline, "execute"),
        (Path, "unlink"),
    ):
        setattr(of, name, counted(getattr(of, name)))
