"""What counting costs: a fetch with and without it, and the folding of what 10,000 days have left.

The same days are read from the same sandbox in turns, each reading in a process of its own; the days are
small, since what is counted is counted once a day and once a request. `LEDGER_URL` names another database
than an SQLite file for the folding, an empty one.
"""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from bench import reading
from bench.sandbox import ServedSandbox, on_core, serve

DAYS, A_DAY = 120, 140
ROUNDS = 9

ATTEMPTS = 10_000
CHATS = 300
FOLDS = 5


def without_counting() -> None:
    """Lets nothing be counted in this process."""
    from tg_fetcher_dagster.accounts.request_counts import RequestCounts
    from tg_fetcher_dagster.ledger import measures

    counting = measures.measure
    for module in list(sys.modules.values()):
        if getattr(module, "measure", None) is counting:
            module.measure = lambda _connection, _found: None  # type: ignore[attr-defined]
    for name in ("sent", "answered", "flooded", "paced", "retried"):
        setattr(RequestCounts, name, lambda *_: None)


def read_once(session: str, how: str) -> dict[str, float]:
    """Reads all days; returns what `reading.ours` measured, and how often a file or the ledger was synced."""
    import tg_fetcher_dagster.fetching.run  # noqa: F401 - all that counts must be loaded before it is muted

    if how == "without":
        without_counting()
    synced = 0

    def count(*_: object) -> None:
        nonlocal synced
        synced += 1

    really = os.fsync

    def fsync(number: int) -> None:
        count()
        really(number)

    os.fsync = fsync
    sa.event.listen(sa.Engine, "commit", count)
    with tempfile.TemporaryDirectory() as folder:
        done = reading.ours(session, Path(folder), first=reading.FIRST, days=DAYS)
        return {**asyncio.run(done), "synced": synced}


def measured(telegram: ServedSandbox, how: str) -> dict[str, float]:
    """Reads in a process of its own."""
    answer = subprocess.run(
        [sys.executable, "-m", "bench.measuring", how],
        input=telegram.session.encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(answer.stdout.splitlines()[-1]))


def fetching() -> None:
    """Prints what a fetch costs with counting and without."""
    cpu: dict[str, list[float]] = {"with": [], "without": []}
    synced: dict[str, set[float]] = {"with": set(), "without": set()}
    with serve(reading.scenario(delay_ms=0, days=DAYS, a_day=A_DAY)) as telegram:
        measured(telegram, "with")
        for _ in range(ROUNDS):
            for how, seconds in cpu.items():
                found = measured(telegram, how)
                seconds.append(found["cpu"])
                synced[how].add(found["synced"])
    counted, plain = statistics.median(cpu["with"]), statistics.median(cpu["without"])
    print(
        f"fetch: {DAYS} days of {A_DAY} messages, {counted:.3f} s of CPU with counting, {plain:.3f} s"
        f" without: {100 * (counted / plain - 1):+.1f} %; least of {ROUNDS}: {min(cpu['with']):.3f} and"
        f" {min(cpu['without']):.3f} s; syncs {sorted(synced['with'])} and {sorted(synced['without'])}",
        flush=True,
    )


def folding() -> None:
    """Prints how long it takes to write and to fold what 10,000 days count, five times after each other."""
    from tg_fetcher_dagster.ledger.database import Ledger
    from tg_fetcher_dagster.ledger.measures import Measure, fold, measure, read_totals
    from tg_fetcher_dagster.ledger.schema import make_ledger
    from tg_fetcher_dagster.metrics.counted import FETCH_DURATION, FETCHES, HOP_SECONDS, MESSAGES

    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("LEDGER_URL") or f"sqlite:///{folder}/ledger/ledger.sqlite"
        make_ledger(url)
        seconds, rows, totals = [], 0, 0
        with Ledger.open(url) as ledger:
            for _ in range(FOLDS):
                with ledger.write() as connection:
                    for _ in range(ATTEMPTS):
                        chat = f"channel_{chance.randrange(CHATS)}"
                        found = [
                            Measure(FETCHES, ("fetched",)),
                            Measure(FETCH_DURATION, (chat, "range", "fetched"), chance.expovariate(0.2)),
                            Measure(HOP_SECONDS, ("fetch",), chance.expovariate(0.05)),
                            Measure(MESSAGES, (chat,), chance.randrange(1, 500)),
                        ]
                        measure(connection, found)
                began = time.perf_counter()
                rows = fold(ledger)
                seconds.append(time.perf_counter() - began)
            with ledger.read() as connection:
                totals = len(read_totals(connection))
    print(
        f"fold: {ATTEMPTS} days, {rows} measures, {totals} totals:"
        f" {1000 * statistics.median(seconds):.0f} ms, the slowest of {FOLDS} {1000 * max(seconds):.0f} ms",
        flush=True,
    )


def main() -> None:
    """Prints both."""
    folding()
    fetching()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        on_core(1)
        print(json.dumps(read_once(sys.stdin.read().strip(), sys.argv[1])))
    else:
        main()
