"""Runs that end without a word, or before they begin: noticed, and their days brought on their way."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
import time_machine

from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.partitions import range_tags
from tg_fetcher_dagster.defs.sensors.ended_runs import OVERLAP, Seen, canceled_runs, failed_runs
from tg_fetcher_dagster.defs.sensors.runs import dead_runs
from tg_fetcher_dagster.ledger.attempts import of_runs
from tg_fetcher_dagster.ledger.tables import asks, batches
from tg_fetcher_dagster.requests.registration import begin_run, heartbeat
from tg_fetcher_dagster.storage.run_mark import is_dead
from tg_fetcher_dagster_tests.defs.deployment import Deployment, ends
from tg_fetcher_dagster_tests.fetching.reading import days_between

HOLD = """
import signal, sys
from pathlib import Path
from tg_fetcher_dagster.storage.run_mark import alive
with alive(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    signal.pause()
"""
STATUS = dg.DagsterRunStatus
DAYS = days_between("2025-11-03", "2025-11-05")
QUIET = {"no run is under way", "1 under way; runs found dead: none"}
Start = Callable[..., dg.DagsterRun]


def make_run(
    deployment: Deployment, status: dg.DagsterRunStatus = STATUS.STARTED, **config: Any
) -> dg.DagsterRun:
    """A run over three days of a chat, as the UI would launch it."""
    deployment.add_chats("def_busy")
    return deployment.instance.create_run_for_job(
        defs().resolve_job_def("fetch_days"),
        status=status,
        run_config={"ops": {"messages": {"config": config}}} if config else {},
        tags=dict(range_tags(("def_busy", "def_busy"), (DAYS[0], DAYS[-1]))),
    )


def register(deployment: Deployment, run: dg.DagsterRun, batch_id: str | None = None) -> str:
    """Registers a run as its step would; returns its batch."""
    return begin_run(
        deployment.ledger, run_id=run.run_id, batch_id=batch_id, parent_run_id=None, chats={"def_busy": DAYS}
    ).batch_id


@pytest.fixture
def start(deployment: Deployment) -> Iterator[Start]:
    """Makes a run that is under way in another process, which holds its mark until it is killed."""
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    processes: list[subprocess.Popen[str]] = []

    def started(status: dg.DagsterRunStatus = STATUS.STARTED) -> dg.DagsterRun:
        run = make_run(deployment, status)
        register(deployment, run)
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(deployment.data_dir), run.run_id],
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return run

    yield started
    for process in processes:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def kill(deployment: Deployment, run: dg.DagsterRun) -> None:
    """Kills the process that holds a run's mark, as the mark names it."""
    mark = deployment.data_dir / ".runs" / f"{run.run_id}.lock"
    pid = int(mark.read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def look(deployment: Deployment) -> str:
    """One tick of the sensor of dead runs."""
    skipped = dead_runs(dg.build_sensor_context(instance=deployment.instance))
    assert isinstance(skipped, dg.SkipReason)
    return str(skipped.skip_message)


def status_of(deployment: Deployment, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = deployment.instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def settle(deployment: Deployment, run: dg.DagsterRun, sensor: Any, cursor: str | None = None) -> str:
    """One tick of the sensor of failed or canceled runs; returns what it says of the one run that it sees."""
    with dg.build_sensor_context(instance=deployment.instance, cursor=cursor) as context:
        skipped = sensor(context)
    assert isinstance(skipped, dg.SkipReason)
    named, _, said = str(skipped.skip_message).partition(f"run {run.run_id[:8]} ")
    assert not named
    return said


def days_of(deployment: Deployment) -> dict[str, tuple[str, str | None, int]]:
    """Returns state, batch and tries of each ask, by its day."""
    with deployment.ledger.read() as connection:
        rows = connection.execute(sa.select(asks).order_by(asks.c.date))
        return {str(row.date): (row.state, row.batch_id, row.tries) for row in rows}


def test_a_run_whose_process_was_killed_is_failed_and_its_days_are_begun_again(
    deployment: Deployment, start: Start
) -> None:
    run = start()
    assert look(deployment) in QUIET
    assert status_of(deployment, run) is STATUS.STARTED

    kill(deployment, run)

    assert look(deployment) == f"1 under way; runs found dead: {run.run_id}"
    assert status_of(deployment, run) is STATUS.FAILURE
    assert is_dead(deployment.data_dir, run.run_id) is None
    assert look(deployment) in QUIET
    settle(deployment, run, failed_runs)
    assert days_of(deployment) == {str(day): ("open", None, 1) for day in DAYS}
    assert deployment.recorded() == []


@pytest.mark.parametrize(("sensor", "how"), [(failed_runs, "died"), (canceled_runs, "cancelled")])
def test_a_killed_run_that_the_code_server_has_marked_first_is_ended_in_the_ledger_too(
    deployment: Deployment, start: Start, sensor: Any, how: str
) -> None:
    run = start(STATUS.CANCELING if sensor is canceled_runs else STATUS.STARTED)
    kill(deployment, run)
    if sensor is canceled_runs:
        deployment.instance.report_run_canceled(run)
    else:
        deployment.instance.report_run_failed(run)

    settle(deployment, run, sensor)

    with deployment.ledger.read() as connection:
        assert of_runs(connection, [run.run_id])[run.run_id].end == how
    assert is_dead(deployment.data_dir, run.run_id) is None
    tries = 1 if sensor is failed_runs else 0
    assert {(state, count) for state, _, count in days_of(deployment).values()} == {
        ("open" if tries else "cancelled", tries)
    }


def test_a_run_of_another_host_is_dead_when_it_was_not_heard_of_for_a_minute(deployment: Deployment) -> None:
    run = make_run(deployment)
    register(deployment, run)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=55), tick=False):
        assert look(deployment) in QUIET
        assert heartbeat(deployment.ledger, run.run_id)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=110), tick=False):
        assert look(deployment) in QUIET
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=117), tick=False):
        assert look(deployment) == f"1 under way; runs found dead: {run.run_id}"
    assert status_of(deployment, run) is STATUS.FAILURE
    # It comes to life later: it learns that it was ended, and its batch is no longer its own.
    assert not heartbeat(deployment.ledger, run.run_id)
    with deployment.ledger.read() as connection:
        assert of_runs(connection, [run.run_id])[run.run_id].end == "died"
        assert connection.execute(sa.select(batches.c.state)).scalars().all() == ["ended"]


@pytest.mark.parametrize("status", [STATUS.STARTING, STATUS.STARTED])
def test_a_run_that_never_begins_is_failed_within_a_minute_and_uses_up_no_try(
    deployment: Deployment, status: dg.DagsterRunStatus
) -> None:
    run = make_run(deployment, status)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=45), tick=False):
        assert look(deployment) in QUIET
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=55), tick=False):
        assert look(deployment) == f"1 under way; runs found dead: {run.run_id}"
    assert status_of(deployment, run) is STATUS.FAILURE
    assert days_of(deployment) == {str(day): ("open", None, 0) for day in DAYS}


def test_a_queued_run_waits_as_long_as_it_must(deployment: Deployment) -> None:
    run = make_run(deployment, STATUS.NOT_STARTED)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=5), tick=False):
        assert look(deployment) in QUIET
    assert status_of(deployment, run) is STATUS.NOT_STARTED


def test_a_run_that_was_being_canceled_when_its_process_died_is_canceled(
    deployment: Deployment, start: Start
) -> None:
    run = start(STATUS.CANCELING)
    kill(deployment, run)
    look(deployment)
    assert status_of(deployment, run) is STATUS.CANCELED
    assert {state for state, *_ in days_of(deployment).values()} == {"cancelled"}


def test_a_run_of_the_ui_that_was_canceled_before_it_began_ends_its_days_as_cancelled(
    deployment: Deployment,
) -> None:
    run = make_run(deployment, STATUS.NOT_STARTED)
    deployment.instance.report_run_canceled(run)
    settle(deployment, run, canceled_runs)
    settle(deployment, run, canceled_runs)
    assert {state for state, *_ in days_of(deployment).values()} == {"cancelled"}


def test_a_run_of_the_ui_that_failed_before_it_began_is_not_forgotten(deployment: Deployment) -> None:
    run = make_run(deployment, STATUS.NOT_STARTED, force=True)
    deployment.instance.report_run_failed(run)
    settle(deployment, run, failed_runs)
    settle(deployment, run, failed_runs)
    assert days_of(deployment) == {str(day): ("open", None, 0) for day in DAYS}
    with deployment.ledger.read() as connection:
        assert set(connection.execute(sa.select(asks.c.force)).scalars()) == {True}
    assert deployment.recorded() == []


def test_a_second_run_of_a_batch_that_fails_leaves_it_to_the_first(deployment: Deployment) -> None:
    first = make_run(deployment)
    batch_id = register(deployment, first)
    second = make_run(deployment, batch_id=batch_id)
    deployment.instance.report_run_failed(second)
    assert settle(deployment, second, failed_runs).endswith(f": batch {batch_id} is another run's")
    assert days_of(deployment) == {str(day): ("open", batch_id, 0) for day in DAYS}


def test_what_a_run_settled_itself_stays_as_it_is(deployment: Deployment) -> None:
    deployment.add_chats("def_closed", "def_busy")
    result = deployment.fetch(("def_closed", "def_busy"), "2025-11-03")
    assert not result.success
    told = deployment.recorded()
    run = deployment.instance.get_run_by_id(result.run_id)
    assert run is not None
    settle(deployment, run, failed_runs)
    assert deployment.recorded() == told
    assert ends(told) == [
        ("def_busy", "2025-11-03", "messages_fetched"),
        ("def_closed", "2025-11-03", "fetch_failed"),
    ]


def test_runs_of_other_jobs_are_left_alone(deployment: Deployment) -> None:
    @dg.op
    def nothing() -> None: ...

    @dg.job
    def somebody_elses() -> None:
        nothing()

    run = deployment.instance.create_run_for_job(somebody_elses, status=STATUS.STARTED)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=5), tick=False):
        assert look(deployment) in QUIET
    deployment.instance.report_run_failed(run)
    assert settle(deployment, run, failed_runs) == "is not of this project"


def test_a_failed_run_that_resolves_chats_asks_for_no_day(deployment: Deployment) -> None:
    deployment.sandbox.stop()
    result = deployment.execute(
        "resolve_chats", run_config={"ops": {"resolve": {"config": {"spellings": ["def_busy"]}}}}
    )
    run = deployment.instance.get_run_by_id(result.run_id)
    assert run is not None
    said = settle(deployment, run, failed_runs)
    assert said.startswith("has failed: ")
    assert " What to do: " in said
    assert said.endswith(": it asked for no day")
    assert days_of(deployment) == {}


def tick(deployment: Deployment, sensor: Any, cursor: str | None) -> tuple[str, str | None]:
    """One tick; returns what it says and the cursor that it leaves."""
    with dg.build_sensor_context(instance=deployment.instance, cursor=cursor) as context:
        skipped = sensor(context)
        return str(skipped.skip_message), context.cursor


def test_a_tick_says_what_it_looked_at_and_each_run_is_seen_once(deployment: Deployment) -> None:
    said, cursor = tick(deployment, failed_runs, None)
    assert said.startswith("no run has failed since 20")
    assert tick(deployment, canceled_runs, None)[0].startswith("no run has been canceled since 20")

    runs = [make_run(deployment, STATUS.NOT_STARTED) for _ in range(2)]
    for run in runs:
        deployment.instance.report_run_failed(run, message="the machine was switched off")
    said, cursor = tick(deployment, failed_runs, cursor)
    for run in runs:
        assert f"run {run.run_id[:8]} has failed: the machine was switched off: batch ui-{run.run_id}" in said

    said, again = tick(deployment, failed_runs, cursor)
    assert said.startswith("no run has failed since 20")
    assert again == cursor


def test_a_run_that_another_host_marked_with_a_clock_that_is_behind_is_seen(deployment: Deployment) -> None:
    first = make_run(deployment, STATUS.NOT_STARTED)
    deployment.instance.report_run_failed(first)
    _, cursor = tick(deployment, failed_runs, None)
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=OVERLAP / 2), tick=False):
        second = make_run(deployment, STATUS.NOT_STARTED)
        deployment.instance.report_run_failed(second)
    said, _ = tick(deployment, failed_runs, cursor)
    assert said.startswith(f"run {second.run_id[:8]} has failed: ")


def test_a_cursor_that_makes_no_sense_or_is_dagsters_own_looks_ten_minutes_back() -> None:
    for cursor in (
        None,
        "",
        "7",
        "{}",
        '{"__class__": "RunStatusSensorCursor", "record_id": 7}',
        '{"at": 1}',
    ):
        assert Seen.read(cursor, now=1_000.0) == Seen(400.0)
    seen = Seen(100.0, {"a": 30.0, "b": 90.0}).and_of({"c": 120.0})
    assert seen == Seen(120.0, {"b": 90.0, "c": 120.0})
    assert Seen.read(seen.written(), now=0) == seen
