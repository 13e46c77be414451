"""`tg-fetcher monitor` with the history of years: 300 chats x 1,000 days, 100,000 runs not counted yet.

`LEDGER_URL` names another database than an SQLite file, an empty one.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import orjson
import sqlalchemy as sa

from bench.status import CHATS, build
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import attempts, measures
from tg_fetcher_dagster.metrics.counted import FETCH_DURATION, FETCHES, HOP_SECONDS, MESSAGES
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.fixtures_redis import free_port

ATTEMPTS = 100_000
MORE = 10_000
A_HANDFUL = 10_000
SCRAPES = 100

LOOK = 'tg_fetcher_source_duration_seconds{source="ledger"}'


def name(number: int) -> str:
    """The chat of an attempt."""
    return f"channel_{1_000_000 + number % CHATS}"


def attempted(ledger: Ledger, first: int, count: int) -> None:
    """Notes runs that have ended, each with what it measured of its day: four rows."""
    for begin in range(first, first + count, A_HANDFUL):
        numbers = range(begin, begin + A_HANDFUL)
        with ledger.write() as connection:
            connection.execute(
                sa.insert(attempts),
                [
                    {"run_id": f"run-{number}", "host": "h", "pid": 1, "began_at": 1.7e9,
                     "heartbeat_at": 1.7e9, "ended_at": 1.7e9 + number, "end": "succeeded"}
                    for number in numbers
                ],
            )  # fmt: skip
            # As `ledger.measures.measure` writes them, a row each; 100,000 calls of it would take minutes.
            connection.execute(
                sa.insert(measures),
                [
                    {"metric": metric.name, "labels": orjson.dumps(labels).decode(), "value": value,
                     "bound": metric.bucket_of(value) if metric.kind == "histogram" else 0.0, "at": 1.7e9}
                    for number in numbers
                    for metric, labels, value in (
                        (FETCH_DURATION, (name(number), "range", "fetched"), number % 90 / 7),
                        (FETCHES, ("fetched",), 1.0),
                        (MESSAGES, (name(number),), number % 500 + 1.0),
                        (HOP_SECONDS, ("fetch",), number % 700 / 7),
                    )
                ],
            )  # fmt: skip


def scrape(port: int) -> tuple[float, str]:
    """Returns how long a scrape took, and what it said; nothing where nobody answers yet."""
    began = time.perf_counter()
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            text = answer.read().decode()
    except OSError:
        return 0.0, ""
    return time.perf_counter() - began, text


def value(text: str, sample: str) -> float:
    """Returns a sample of a scrape, by its name and labels as they are written; 0 where it has none."""
    return next(
        (float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(f"{sample} ")), 0.0
    )


def until_counted(port: int, count: int) -> str:
    """Scrapes until so many attempts are counted; returns that scrape."""
    while True:
        _, text = scrape(port)
        if value(text, f'{FETCHES.name}{{status="fetched"}}') == count:
            return text
        time.sleep(0.05)


def main() -> None:
    """Prints how long scrapes take, and how much memory the monitor does."""
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("LEDGER_URL")
        settings = Settings.read(data_dir=Path(folder) / "data", redis_url=None)
        began = time.perf_counter()
        ledger = Ledger.open(settings.ledger_location)
        build(ledger)
        attempted(ledger, 0, ATTEMPTS)
        if not ledger.is_sqlite:  # as the server does by itself, a while after so much was written
            with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("VACUUM ANALYZE"))
        print(f"built in {time.perf_counter() - began:.0f} s ({'Postgres' if url else 'SQLite'})", flush=True)
        home = Path(folder) / "home"
        home.mkdir()
        (home / "dagster.yaml").write_text(Path("dagster.yaml").read_text())
        port = free_port()
        environment = {**os.environ, "DATA_DIR": str(settings.data_dir), "REDIS_URL": "",
                       "DAGSTER_HOME": str(home), "LOG_LEVEL": "ERROR"}  # fmt: skip
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "tg_fetcher_dagster.cli.app", "monitor", "--port", str(port)],
            env=environment, cwd=folder, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            measured(port, ledger, began)
        finally:
            process.terminate()
            process.wait()
            ledger.close()


def measured(port: int, ledger: Ledger, began: float) -> None:
    """Prints the figures of a monitor that has just been started."""
    text = until_counted(port, ATTEMPTS)
    print(f"from the start to a scrape with everything: {time.perf_counter() - began:.2f} s,"
          f" {value(text, 'process_cpu_seconds_total'):.2f} s of it CPU,"
          f" {text.count(chr(10))} lines, {len(text) / 1e6:.1f} MB")  # fmt: skip
    times, memory = [], 0.0
    for _ in range(SCRAPES):
        seconds, text = scrape(port)
        times.append(seconds)
        memory = max(memory, value(text, "process_resident_memory_bytes"))
        time.sleep(0.2)
    print(f"later scrapes: {1000 * statistics.median(times):.0f} ms (the slowest {1000 * max(times):.0f})")
    looked = value(text, LOOK)
    print(f"a look at the ledger: {1000 * looked:.0f} ms")
    attempted(ledger, ATTEMPTS, MORE)
    began = time.perf_counter()
    text = until_counted(port, ATTEMPTS + MORE)
    waited = time.perf_counter() - began
    looked = value(text, LOOK)
    seconds, text = scrape(port)
    memory = max(memory, value(text, "process_resident_memory_bytes"))
    print(f"{MORE} new attempts: the look that found them took {1000 * looked:.0f} ms, the scrape"
          f" {1000 * seconds:.0f} ms; seen {waited:.1f} s after they were there")  # fmt: skip
    print(f"memory: {memory / 1e6:.0f} MB at most")


if __name__ == "__main__":
    main()
