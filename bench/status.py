"""`tg-fetcher status` with the history of years: 300 chats x 1,000 days, 36,000 days that are asked for.

`LEDGER_URL` names another database than an SQLite file, an empty one.
"""

import datetime as dt
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import asks, days, dead_letters, events, requests
from tg_fetcher_dagster.settings import Settings

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
    for number in range(CHATS):
        chat = f"channel_{1_000_000 + number}"
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
    """Prints how long the answer and the whole command take."""
    from tg_fetcher_dagster.cli.overview_sources import overview

    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("LEDGER_URL")
        settings = Settings.read(
            data_dir=Path(folder) / "data", redis_url=None, session_dir=Path(folder) / "s"
        )
        began = time.perf_counter()
        ledger = Ledger.open(settings.ledger_location)
        build(ledger)
        ledger.close()
        print(f"built in {time.perf_counter() - began:.0f} s ({'Postgres' if url else 'SQLite'})", flush=True)
        answers = [_seconds(lambda: overview(settings)) for _ in range(ROUNDS)]
        seen = overview(settings)
        print(f"{len(seen.chats)} chats, {sum(chat.days_done for chat in seen.chats)} days done,"
              f" {seen.size_bytes / 1e6:.0f} MB")  # fmt: skip
        print(f"the answer: {statistics.median(answers):.2f} s (the slowest {max(answers):.2f})")
        command = [sys.executable, "-m", "tg_fetcher_dagster.cli.app", "status"]
        environment = {**os.environ, "DATA_DIR": str(settings.data_dir), "REDIS_URL": "",
                       "SESSION_DIR": str(settings.session_dir)}  # fmt: skip
        whole = [
            _seconds(
                lambda: subprocess.run(
                    command, env=environment, check=True, stdout=subprocess.DEVNULL, cwd=folder
                )
            )
            for _ in range(ROUNDS)
        ]
        print(f"the command: {statistics.median(whole):.2f} s (the slowest {max(whole):.2f})")


def _seconds(work: object) -> float:
    began = time.perf_counter()
    assert callable(work)
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
