"""A deployment in a storm: its processes, what goes wrong with them, and the mending afterwards."""

import heapq
import itertools
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import orjson

from tg_fetcher_dagster_tests.chaos.commands import SCENARIO, Command
from tg_fetcher_dagster_tests.chaos.pace import moment, rest_until
from tg_fetcher_dagster_tests.chaos.plan import Fault, Step
from tg_fetcher_dagster_tests.chaos.processes import Process, end_all, runs_of
from tg_fetcher_dagster_tests.chaos.producer import Producer, pushed
from tg_fetcher_dagster_tests.chaos.redis_server import DurableRedis
from tg_fetcher_dagster_tests.fixtures_redis import free_port
from tg_fetcher_dagster_tests.flow.dagster_processes import PROGRAMS, Deployment
from tg_fetcher_dagster_tests.waiting import PATIENCE
from tg_fetcher_sandbox.background import RunningSandbox

MUST_HAPPEN: frozenset[Fault] = frozenset(
    {"lose Redis' last second", "kill run", "freeze run until it counts as dead"}
)
"""Faults that come a little later where they meet nothing: Redis is away, or no run is there."""

AGAIN_SECONDS, TRIES = 1.0, 60

Mending = Callable[[], None]
"""Starts again what was ended, lets go on what was frozen."""

SETTINGS = {
    # Kills use up tries of days that were being read; none is to be given up for that.
    "MAX_RETRY_ATTEMPTS": "10",
    "HISTORY_START": "2025-11-01",
}


class Storm:
    """A deployment whose parts can be ended and started again, each on its own."""

    def __init__(self, deployment: Deployment, server: DurableRedis, sandbox: RunningSandbox) -> None:
        self.deployment = deployment
        self.server = server
        self.sandbox = sandbox
        self.happened: Counter[Fault] = Counter()
        self._port = free_port()
        self._workspace = deployment.folder / "workspace.json"
        location = {"host": "127.0.0.1", "port": self._port, "location_name": "tg_fetcher_dagster"}
        self._workspace.write_bytes(orjson.dumps({"load_from": [{"grpc_server": location}]}))
        self._alive: dict[str, subprocess.Popen[bytes]] = {}
        self._redis_is_away = self._telegram_is_away = False
        self._order = itertools.count()
        self._ahead: list[tuple[float, int, Callable[[], None]]] = []

    def start(self) -> None:
        """Starts the code server and the daemon."""
        self._start("code server")
        self._start("daemon")

    def _start(self, name: str) -> None:
        self._alive[name] = self.deployment.start(
            [PROGRAMS / "dagster-daemon", "run", "-w", self._workspace]
            if name == "daemon"
            else [
                PROGRAMS / "dagster", "api", "grpc", "--host", "127.0.0.1", "--port", str(self._port),
                "--module-name", "tg_fetcher_dagster.definitions", "--location-name", "tg_fetcher_dagster",
            ]
        )  # fmt: skip

    def blow(self, steps: Sequence[Step], asked: Sequence[Command], seed: int) -> Producer:
        """Pushes the commands while everything goes wrong that the plan says; returns what was pushed."""
        chance = random.Random(seed)
        producer = pushed(asked, self.server)
        began = moment()
        for step in steps:
            self._later(began + step.at, self._doing(step, producer, chance))
        while self._ahead:
            at, _, act = heapq.heappop(self._ahead)
            rest_until(at)
            act()
        while producer.waiting:  # what Redis was not there for
            producer.push(len(producer.waiting))
        return producer

    def _later(self, at: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._ahead, (at, next(self._order), act))

    def _doing(self, step: Step, producer: Producer, chance: random.Random) -> Callable[[], None]:
        if step.fault is None:
            return lambda: producer.push(step.push)
        fault, lasts = step.fault, step.lasts
        return lambda: self._go_wrong(fault, lasts, producer, chance)

    def _go_wrong(
        self, fault: Fault, lasts: float, producer: Producer, chance: random.Random, tries: int = TRIES
    ) -> None:
        mend = self._mending(fault, producer, chance)
        if mend is None:  # there is nothing that it could meet now
            if fault in MUST_HAPPEN and tries:
                again = partial(self._go_wrong, fault, lasts, producer, chance, tries - 1)
                self._later(moment() + AGAIN_SECONDS, again)
            return
        self.happened[fault] += 1
        self._later(moment() + lasts, mend)

    def _mending(self, fault: Fault, producer: Producer, chance: random.Random) -> Mending | None:
        """Lets a fault happen; returns what mends it, None where it could not happen."""
        ways: Mapping[Fault, Callable[[], Mending | None]] = {
            "kill daemon": lambda: self._kill("daemon"),
            "kill code server": lambda: self._kill("code server"),
            "freeze daemon": lambda: self._freeze(self._alive.get("daemon")),
            "freeze code server": lambda: self._freeze(self._alive.get("code server")),
            "kill run": lambda: self._kill_run(chance),
            "freeze run": lambda: self._freeze(self._any_run(chance)),
            "freeze run until it counts as dead": lambda: self._freeze(self._any_run(chance)),
            "restart Telegram": self._end_telegram,
            "restart Redis": lambda: self._end_redis(self.server.stop),
            "kill Redis": lambda: self._end_redis(self.server.kill),
            "lose Redis' last second": lambda: self._lose_a_second(producer),
        }
        return ways[fault]()

    def _any_run(self, chance: random.Random) -> Process | None:
        runs = runs_of(self.deployment.home)
        return chance.choice(runs) if runs else None

    def _kill_run(self, chance: random.Random) -> Mending | None:
        run = self._any_run(chance)
        if run is None:
            return None
        run.send(signal.SIGKILL)
        return lambda: None

    def _end_telegram(self) -> Mending | None:
        if self._telegram_is_away:
            return None
        self._telegram_is_away = True
        self.sandbox.pause()

        def resume() -> None:
            self.sandbox.resume()
            self._telegram_is_away = False

        return resume

    def _kill(self, name: str) -> Mending | None:
        process = self._alive.pop(name, None)
        if process is None:
            return None
        process.kill()
        process.wait(PATIENCE)
        return lambda: self._start(name)

    @staticmethod
    def _freeze(process: Process | subprocess.Popen[bytes] | None) -> Mending | None:
        if process is None:
            return None
        frozen = Process(process.pid, "")
        frozen.send(signal.SIGSTOP)
        return lambda: frozen.send(signal.SIGCONT)

    def _end_redis(self, end: Callable[[], None]) -> Mending | None:
        if self._redis_is_away:
            return None
        self._redis_is_away = True
        end()
        return self._start_redis

    def _start_redis(self) -> None:
        self.server.start()
        self._redis_is_away = False

    def _lose_a_second(self, producer: Producer) -> Mending | None:
        """Notes what Redis has written; a second later it is killed and goes on from there.

        Commands that are pushed meanwhile are lost, or reappear although they were taken.
        """
        if self._redis_is_away:
            return None
        length, since = self.server.written(), moment()
        self._redis_is_away = True  # for the others; it works on until the second is over
        producer.push(3)

        def lose() -> None:
            self.server.kill()
            self.server.forget_after(length)
            producer.windows.append((since, moment()))
            self._start_redis()

        return lose


@contextmanager
def storm(folder: Path) -> Iterator[Storm]:
    """Gives a deployment, Redis and Telegram; everything is ended with the block, whatever happened."""
    server = DurableRedis(folder / "redis", free_port())
    with RunningSandbox(SCENARIO) as sandbox:
        deployment = Deployment(folder / "deployment", sandbox, server.url, env=dict(SETTINGS))
        made = Storm(deployment, server, sandbox)
        try:
            server.start()
            made.start()
            yield made
        finally:
            end_all(deployment.home)
            deployment.stop()
            server.kill()
