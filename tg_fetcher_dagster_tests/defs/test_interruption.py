"""A signal ends a step in order: in a process of its own, since the signal is real."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tg_fetcher_dagster.defs.interruption import INTERRUPTED, interruption, run_to_its_end
from tg_fetcher_dagster_tests.waiting import PATIENCE

WORK = """
import asyncio, sys
from tg_fetcher_dagster.defs.interruption import Interrupted, run_to_its_end

async def work():
    try:
        print("under way", flush=True)
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        print("cleaned up", flush=True)

try:
    run_to_its_end(work())
except Interrupted:
    print("interrupted", flush=True)
"""

ASSET = """
import sys
import dagster as dg
from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.partitions import range_tags
from datetime import date
from telethon.crypto import rsa
from pathlib import Path

rsa.add_key(Path("server.pem").read_text(), old=False)
with dg.DagsterInstance.ephemeral() as instance:
    instance.add_dynamic_partitions("chats", ["def_busy"])
    result = defs().resolve_job_def("fetch_days").execute_in_process(
        instance=instance,
        tags=dict(range_tags(("def_busy", "def_busy"), (date(2025, 11, 1), date(2025, 11, 8)))),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )
    retries = [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    failure = [event for event in result.all_events if event.is_step_failure][-1].step_failure_data
    made = instance.fetch_materializations(dg.AssetKey("messages"), limit=100).records
    print(len(retries), len(made), failure.user_failure_data.description, sep="|", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cancels_the_work_which_cleans_up_before_the_step_ends(number: signal.Signals) -> None:
    child = subprocess.Popen([sys.executable, "-c", WORK], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "under way\n"
        os.kill(child.pid, number)
        assert child.stdout.read().split("\n")[:2] == ["cleaned up", "interrupted"]
    assert child.wait(PATIENCE) == 0


def test_sigterm_in_a_range_keeps_the_finished_days_and_is_not_retried(deployment, tmp_path: Path) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    (tmp_path / "server.pem").write_text(deployment.sandbox.public_key)
    deployment.sandbox.add_fault(method="messages.getHistory", after=2, hold=True)
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", ASSET],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    for line in child.stderr:
        if '"date":"2025-11-06"' in line and "fetch ended" in line:
            break
    os.kill(child.pid, signal.SIGTERM)
    out, err = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0, err

    retries, materialized, description = out.strip().split("|")
    kept = sorted(path.stem for path in (deployment.data_dir / "def_busy").glob("2025-11-0?.json"))
    assert retries == "0"
    assert int(materialized) == len(kept)
    assert kept[-1] == "2025-11-08"
    assert 3 <= len(kept) < 8
    assert description.startswith("interrupted: ")
    assert f"{len(kept)} of 8 days are kept" in description
    assert not list((deployment.data_dir / "def_busy").glob(".*.tmp"))
    assert not list((deployment.data_dir / ".runs").iterdir())
    events = {event["date"]: event["event"] for event in deployment.recorded()}
    assert {day for day, event in events.items() if event == "messages_fetched"} == set(kept)
    assert len(events) == len(kept)  # the others are nobody's failure: another run reads them


def test_the_result_and_a_failure_of_the_work_come_back_as_they_are() -> None:
    async def answer() -> int:
        return 42

    async def fail() -> None:
        raise LookupError("nothing there")

    before = signal.getsignal(signal.SIGTERM)
    assert run_to_its_end(answer()) == 42
    with pytest.raises(LookupError, match="nothing there"):
        run_to_its_end(fail())
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_thread_leaves_signals_to_whoever_started_it() -> None:
    async def answer() -> int:
        return 42

    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(run_to_its_end(answer())))
    thread.start()
    thread.join()
    assert found == [42]


def test_an_interruption_says_so_and_is_never_retried() -> None:
    failure = interruption(2, of=5)
    assert failure.metadata.keys() == {INTERRUPTED}
    assert not failure.allow_retries
