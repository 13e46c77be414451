"""What log lines and measures cost: lines a second, and the share of a fetch's processor time.

The share is counted, not taken from two runs, whose difference is smaller than that between two runs of the
same: all lines of a real fetch are kept, each is written again many times, and what that takes is set against
the fetch's own time. Measures likewise: those of a day are written to the same ledger.
"""

import asyncio
import io
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.reading import CHAT, FIRST, scenario
from bench.sandbox import on_core, serve

LINES = 50_000
AN_ID = "9f86d081884c7d659a2feaa0c55ad015"
SIZES = ((25, 2_000), (25, 20))
"""Days, and messages of each: where a day is small its lines are the larger part."""

ASKED = 20
"""Times that a fetch's lines, and a day's measures, are written again."""


def line_rates() -> dict[str, float]:
    """Returns microseconds of a line that ends a day's fetch, with what is bound around it, by format."""
    import structlog

    from tg_fetcher_dagster.logs.lines import OWN, configure_logging, log_context, written_by
    from tg_fetcher_dagster.settings import Settings

    log = structlog.get_logger(f"{OWN}.bench")
    found = {}
    for log_format in ("json", "text"):
        configure_logging(Settings.read(log_format=log_format, telegram_api_hash="0123456789abcdef" * 2))
        handler = written_by(logging.getLogger(OWN))
        assert handler is not None
        handler.setStream(io.StringIO())
        with log_context(run_id="7c6a1c9e-1111-4222-8333-444455556666", chat=CHAT, retry_count=0):
            began = time.process_time()
            for number in range(LINES):
                log.info(
                    "fetch ended", date="2025-11-07", mode="range", batch_id=f"fetch-{AN_ID}",
                    correlation_id=AN_ID, command_id=None, status="fetched",
                    message_count=number, comment_count=0, lost_count=0, final=True, duration_seconds=0.231,
                    requests=3, retries=0, wait_seconds=0.0,
                )  # fmt: skip
            found[log_format] = (time.process_time() - began) / LINES * 1e6
    return found


async def fetched(session: str, folder: Path, days: int) -> dict[str, Any]:
    """Fetches as a run does and returns its processor seconds, its lines, and what they and measures cost."""
    from tg_fetcher_dagster.accounts.store import AccountStore
    from tg_fetcher_dagster.chats.spelling import parse_spelling
    from tg_fetcher_dagster.fetching.context import FetchContext
    from tg_fetcher_dagster.fetching.request import FetchRequest
    from tg_fetcher_dagster.fetching.run import fetch_chats
    from tg_fetcher_dagster.logs.lines import OWN, configure_logging, log_context, written_by
    from tg_fetcher_dagster.settings import Settings
    from tg_fetcher_dagster.telegram.open_reader import open_reader

    settings = Settings.read(
        data_dir=folder / "data",
        session_dir=folder / "sessions",
        telegram_api_id=1,
        telegram_api_hash="0" * 32,
        rate_limit_calls_per_sec=100_000,
    )
    configure_logging(settings)
    kept: list[logging.LogRecord] = []
    handler = written_by(logging.getLogger(OWN))
    assert handler is not None
    handler.setStream(io.StringIO())
    handler.addFilter(lambda record: kept.append(record) or True)  # type: ignore[func-returns-value]
    AccountStore(settings.session_dir).save("main", session)
    async with open_reader(settings) as reader:
        context = FetchContext(settings=settings, open_reader=lambda: nullcontext(reader))
        context.store.prepare()
        context.identities.record(await reader.resolve(parse_spelling(CHAT)))
        asked = tuple(FIRST + timedelta(days=number) for number in range(days))
        kept.clear()
        worked = time.process_time()
        with log_context(run_id="7c6a1c9e-1111-4222-8333-444455556666"):
            reports = await fetch_chats([FetchRequest(request_id="bench", chat=CHAT, days=asked)], context)
        cpu = time.process_time() - worked
        failed = [report for report in reports if report.coverage is None]
        if failed:
            raise RuntimeError(f"{len(failed)} days failed: {failed[0].error}")
        return {
            "cpu": cpu,
            "lines": dict(
                Counter(str(record.msg["event"]) for record in kept if isinstance(record.msg, dict))
            ),
            "lines_cpu": _again(list(kept)),
            "measures_cpu": _measures(context, reports),
        }


def _again(kept: list[logging.LogRecord]) -> float:
    """Processor seconds of all lines, from the call to the stream, written once more as they were."""
    import structlog

    said = [
        (record.levelno, dict(record.msg), structlog.get_logger(record.name))
        for record in kept
        if isinstance(record.msg, dict)
    ]
    began = time.process_time()
    for _ in range(ASKED):
        for level, fields, log in said:
            told = {key: value for key, value in fields.items() if key not in {"event", "level", "logger"}}
            log.log(level, fields["event"], **told)
    return (time.process_time() - began) / ASKED


def _measures(context: Any, reports: list[Any]) -> float:  # noqa: ANN401 - as the fetch has it
    """Processor seconds of the measures of all days, in a transaction that is there anyhow."""
    from tg_fetcher_dagster.fetching.day_measures import Fetching, measures_of_day, measures_of_reading
    from tg_fetcher_dagster.ledger.measures import measure

    fetching = Fetching(request_id="bench", mode="range", began_at=time.time())
    seconds = 0.0
    for _ in range(ASKED):
        for report in reports:
            with context.ledger.write() as connection:
                began = time.process_time()
                of_day = measures_of_day(fetching, CHAT, status="fetched", seconds=1.0, now=time.time())
                measure(connection, [*of_day, *measures_of_reading(report.coverage)])
                seconds += time.process_time() - began
    return seconds / ASKED


def main() -> None:
    """Prints the rates and the shares."""
    for log_format, micros in line_rates().items():
        print(f"a line of {log_format}: {micros:.0f} us of CPU, {1e6 / micros:,.0f} lines a second")
    for days, messages in SIZES:
        with serve(scenario(delay_ms=0, days=days, a_day=messages)) as telegram:
            answer = subprocess.run(
                [sys.executable, "-m", "bench.logs", str(days)],
                input=telegram.session.encode(),
                stdout=subprocess.PIPE,
                check=True,
            )
        found = json.loads(answer.stdout.splitlines()[-1])
        lines, counted = found["lines_cpu"] / found["cpu"], found["measures_cpu"] / found["cpu"]
        many = sum(found["lines"].values())
        print(
            f"{days} days of {messages} messages: {found['cpu']:.2f} s of CPU, {many} lines"
            f" {lines:.2%}, measures {counted:.2%}, together {lines + counted:.2%}; {found['lines']}",
            flush=True,
        )


if __name__ == "__main__":
    on_core(1)
    with tempfile.TemporaryDirectory() as work:
        print(json.dumps(asyncio.run(fetched(sys.stdin.read().strip(), Path(work), int(sys.argv[1])))))
