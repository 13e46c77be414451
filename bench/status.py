"""`tg-fetcher status` with the history of years: 300 chats x 1,000 days, 36,000 days that are asked for.

Over an SQLite file and then over Postgres: the empty database that `LEDGER_URL` names, else a server of our
own where Debian's is installed.
"""

import datetime as dt
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import asks, days, dead_letters, events, requests
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.fixtures_ledger import postgres_server, programs

CHATS = 300
DAYS = 1_000
OPEN_REQUESTS = 3_000
OPEN_DAYS_A_REQUEST = 12
LETTERS = 100_000
PENDING = 100_000
ROUNDS = 5

FIRST = dt.date(2023, 1, 1)
RECORD = "x" * 1_200
"""As long as what is kept of a day."""


def build(ledger: Ledger) -> None:
    """Fills an empty ledger: every chat has two gaps, every 97th day failed."""
    table = IdentityTable(ledger)
    for number in range(CHATS):
        chat = f"channel_{1_000_000 + number}"
        table.record(
            ChatIdentity(
                key=chat, marked_id=-1_000_001_000_000 - number, type="channel",
                title=f"Channel number {number}", added_at=dt.datetime(2025, 1, 1, tzinfo=dt.UTC),
            )
        )  # fmt: skip
        rows = [
            {
                "chat": chat, "date": FIRST + dt.timedelta(days=day), "coverage": RECORD,
                "settled": bool(day % 97), "checksum_sha256": "a" * 64, "message_count": day,
                "fetched_at": 1.7e9 + day, "requests": 2, "updated_at": 1.7e9,
            }
            for day in range(DAYS)
            if day not in {number, 500}
        ]  # fmt: skip
        with ledger.write() as connection:
            connection.execute(sa.insert(days), rows)
    with ledger.write() as connection:
        _asks(connection)
        connection.execute(
            sa.insert(dead_letters),
            [
                {"request_id": f"dead-{number}", "error_type": "validation", "error": "no such chat",
                 "failed_at": 1.7e9, "letter": b"{}"}
                for number in range(LETTERS)
            ],
        )  # fmt: skip
        connection.execute(
            sa.insert(events),
            [
                {"event_id": f"event-{number}", "request_id": f"r-{number}", "event": "messages_fetched",
                 "chat": "a", "date": FIRST, "body": RECORD, "recorded_at": 1.7e9}
                for number in range(PENDING)
            ],
        )  # fmt: skip


def _asks(connection: sa.Connection) -> None:
    connection.execute(
        sa.insert(requests),
        [
            {"request_id": f"r{number}", "source": "redis", "state": "planned", "correlation_id": "k",
             "received_at": 1.7e9, "open_days": OPEN_DAYS_A_REQUEST}
            for number in range(OPEN_REQUESTS)
        ],
    )  # fmt: skip
    connection.execute(
        sa.insert(asks),
        [
            {"request_id": f"r{number}", "chat": f"channel_{1_000_000 + number % CHATS}",
             "date": FIRST + dt.timedelta(days=day), "seq": number, "priority": 50,
             "wait_until": 4e9 if number % 2 else 0}
            for number in range(OPEN_REQUESTS)
            for day in range(OPEN_DAYS_A_REQUEST)
        ],
    )  # fmt: skip


def main() -> None:
    """Prints how long the answer and the whole command take, over both databases."""
    _measure("SQLite", None)
    with _postgres() as url:
        if url is not None:
            _measure("Postgres", url)


@contextmanager
def _postgres() -> Iterator[str | None]:
    if url := os.environ.get("LEDGER_URL"):
        yield url
    elif programs() is None:
        print("Debian's postgresql is not installed: nothing is measured over it")
        yield None
    else:
        with tempfile.TemporaryDirectory(prefix="pg-") as folder, postgres_server(Path(folder)) as server:
            server.run("CREATE DATABASE status")
            yield server.url("status")


def _measure(name: str, url: str | None) -> None:
    from tg_fetcher_dagster.cli.overview_sources import GAPS_ON_A_SCREEN, overview
    from tg_fetcher_dagster.ledger.schema import make_ledger

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.read(
            data_dir=Path(folder) / "data", redis_url=None, session_dir=Path(folder) / "s", ledger_url=url
        )
        began = time.perf_counter()
        make_ledger(settings.ledger_location)
        ledger = Ledger.open(settings.ledger_location)
        build(ledger)
        ledger.close()
        print(f"{name}, built in {time.perf_counter() - began:.0f} s", flush=True)
        for what, gaps_of in (("screen", GAPS_ON_A_SCREEN), ("--json", None)):
            answers = [
                _seconds(lambda gaps_of=gaps_of: overview(settings, gaps_of=gaps_of)) for _ in range(ROUNDS)
            ]
            print(f"{name}, the answer, {what}: {_told(answers)}")
        seen = overview(settings)
        print(f"{len(seen.chats)} chats, {sum(chat.days_done for chat in seen.chats)} days done,"
              f" {seen.size_bytes / 1e6:.0f} MB")  # fmt: skip
        environment = {**os.environ, "DATA_DIR": str(settings.data_dir), "REDIS_URL": "",
                       "SESSION_DIR": str(settings.session_dir), "LEDGER_URL": url or ""}  # fmt: skip
        for more in ([], ["--json"]):
            command = [sys.executable, "-m", "tg_fetcher_dagster.cli.app", "status", *more]
            worked = _worked()
            whole = [
                _seconds(
                    lambda command=command: subprocess.run(
                        command, env=environment, check=True, stdout=subprocess.DEVNULL, cwd=folder
                    )
                )
                for _ in range(ROUNDS)
            ]
            cpu = (_worked() - worked) / ROUNDS
            print(f"{name}, the command {' '.join(more)}: {_told(whole)}, {cpu:.2f} s of CPU", flush=True)


def _told(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s (from {min(seconds):.2f} to {max(seconds):.2f})"


def _worked() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds(work: object) -> float:
    began = time.perf_counter()
    assert callable(work)
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
