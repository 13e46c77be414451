"""One supergroup read, kept raw and written as day files, beside a bare Telethon loop.

50,000 messages without a delay, 20,000 with one, in turns; medians, and the time of the processor beside.

The bare loop only counts what `iter_messages(wait_time=0)` yields. Both read the same chat from the same
sandbox, each in a process of its own, one after the other; the time runs from the first request to the
last (ours: until the last file is durable), without the start of Python.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.sandbox import ServedSandbox, on_core, serve

FIRST, DAYS, A_DAY = date(2025, 10, 1), 25, 2_000
DAYS_WITH_DELAY = 10
ROUNDS = 5
CHAT = "busy_group"


def scenario(*, delay_ms: int, days: int = DAYS, a_day: int = A_DAY) -> dict[str, Any]:
    """Returns one busy supergroup; with a delay that stands for the round trip."""
    last = FIRST + timedelta(days=days - 1)
    faults = [{"method": "messages.getHistory", "delay": delay_ms / 1000}] if delay_ms else []
    return {
        "seed": 1,
        "people": 500,
        "days": {"from": FIRST.isoformat(), "to": last.isoformat()},
        "chats": {
            "busy": {"type": "supergroup", "username": CHAT, "messages_per_day": a_day, "members": 400}
        },
        "faults": faults,
    }


async def bare(session: str) -> dict[str, float]:
    """Counts with Telethon alone."""
    from telethon import TelegramClient
    from telethon.sessions import StringSession

    async with TelegramClient(StringSession(session), 1, "0" * 32, receive_updates=False) as client:
        chat = await client.get_entity(CHAT)
        began, worked, count = time.perf_counter(), time.process_time(), 0
        async for _ in client.iter_messages(chat, wait_time=0):
            count += 1
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        return {"messages": count, "seconds": seconds, "cpu": cpu}


async def ours(session: str, folder: Path, *, first: date, days: int) -> dict[str, float]:
    """Reads, keeps raw and writes day files, as a run does."""
    from tg_fetcher_dagster.accounts.store import AccountStore
    from tg_fetcher_dagster.chats.spelling import parse_spelling
    from tg_fetcher_dagster.fetching.context import FetchContext
    from tg_fetcher_dagster.fetching.request import FetchRequest
    from tg_fetcher_dagster.fetching.run import fetch_chats
    from tg_fetcher_dagster.logs.lines import configure_logging
    from tg_fetcher_dagster.settings import Settings
    from tg_fetcher_dagster.telegram.open_reader import open_reader

    settings = Settings.read(
        data_dir=folder / "data",
        session_dir=folder / "sessions",
        telegram_api_id=1,
        telegram_api_hash="0" * 32,
        rate_limit_calls_per_sec=100_000,
        log_level="WARNING",
    )
    configure_logging(settings)
    AccountStore(settings.session_dir).save("main", session)
    async with open_reader(settings) as reader:
        # The bare loop's time begins when it is connected, so ours does too.
        context = FetchContext(settings=settings, open_reader=lambda: nullcontext(reader))
        context.store.prepare()
        context.identities.record(await reader.resolve(parse_spelling(CHAT)))
        asked = tuple(first + timedelta(days=number) for number in range(days))
        began, worked = time.perf_counter(), time.process_time()
        reports = await fetch_chats([FetchRequest(request_id="bench", chat=CHAT, days=asked)], context)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    failed = [report for report in reports if report.coverage is None]
    if failed:
        raise RuntimeError(f"{len(failed)} days failed: {failed[0].error}")
    return {
        "messages": sum(report.coverage.message_count for report in reports if report.coverage),
        "seconds": seconds,
        "cpu": cpu,
        "bytes": sum(file.stat().st_size for file in (folder / "data").rglob("*") if file.is_file()),
    }


def measured(kind: str, session: str, *more: str) -> dict[str, float]:
    """Runs one reader in a process of its own and returns what it measured."""
    answer = subprocess.run(
        [sys.executable, "-m", "bench.reading", kind, *more],
        input=session.encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(answer.stdout.splitlines()[-1]))


def compare(telegram: ServedSandbox, days: int) -> tuple[dict[str, float], dict[str, float]]:
    """Returns the medians of some rounds of each, taken in turns so that both see the same machine."""
    bare_runs, our_runs = [], []
    for _ in range(ROUNDS):
        bare_runs.append(measured("bare", telegram.session))
        our_runs.append(measured("ours", telegram.session, str(days)))
    return _medians(bare_runs), _medians(our_runs)


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def main() -> None:
    """Prints both comparisons."""
    for delay_ms, days in ((0, DAYS), (50, DAYS_WITH_DELAY)):
        with serve(scenario(delay_ms=delay_ms, days=days)) as telegram:
            measured("bare", telegram.session)  # the sandbox makes its messages at the first request
            theirs, mine = compare(telegram, days)
        their_rate, my_rate = theirs["messages"] / theirs["seconds"], mine["messages"] / mine["seconds"]
        print(
            f"reading {delay_ms:3} ms: bare {theirs['messages']:.0f} messages {their_rate:.0f}/s,"
            f" {theirs['cpu']:.1f} s of CPU; ours {mine['messages']:.0f} messages {my_rate:.0f}/s,"
            f" {mine['cpu']:.1f} s; ratio {my_rate / their_rate:.3f}, medians of {ROUNDS} rounds",
            flush=True,
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        session = sys.stdin.read().strip()
        on_core(1)
        with tempfile.TemporaryDirectory() as work:
            result = (
                asyncio.run(bare(session))
                if sys.argv[1] == "bare"
                else asyncio.run(ours(session, Path(work), first=FIRST, days=int(sys.argv[2])))
            )
        print(json.dumps(result))
    else:
        main()
