"""Runs that end without a word, or before they begin: noticed by their mark, and told of once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.partitions import range_tags
from tg_fetcher_dagster.defs.sensors.runs import canceled_runs, dead_runs, failed_runs
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
Start = Callable[..., dg.DagsterRun]


@pytest.fixture
def start(deployment: Deployment) -> Iterator[Start]:
    """Makes a run that is under way in another process, which holds its mark until it is killed."""
    processes: list[subprocess.Popen[str]] = []

    def started(status: dg.DagsterRunStatus = STATUS.STARTED, **config: Any) -> dg.DagsterRun:
        deployment.add_chats("def_busy")
        days = days_between("2025-11-03", "2025-11-05")
        run = deployment.instance.create_run_for_job(
            defs().resolve_job_def("fetch_days"),
            status=status,
            run_config={"ops": {"messages": {"config": config}}} if config else {},
            tags=dict(range_tags(("def_busy", "def_busy"), (days[0], days[-1]))),
        )
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
        kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def look(deployment: Deployment) -> str:
    """One tick of the sensor of dead runs."""
    skipped = dead_runs(dg.build_sensor_context(instance=deployment.instance))
    assert isinstance(skipped, dg.SkipReason)
    return str(skipped.skip_message)


def status_of(deployment: Deployment, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = deployment.instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def holder(deployment: Deployment, run: dg.DagsterRun) -> int:
    """The process that holds a run's mark, as the mark says."""
    return int((deployment.data_dir / ".runs" / f"{run.run_id}.lock").read_text())


def tell(deployment: Deployment, run: dg.DagsterRun, sensor: Any) -> str:
    """Lets the sensor of failed or canceled runs see the run, as the daemon would."""
    ended = deployment.instance.get_run_by_id(run.run_id)
    assert ended is not None
    last = [entry.dagster_event for entry in deployment.instance.all_logs(run.run_id) if entry.dagster_event][
        -1
    ]
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name, dagster_instance=deployment.instance, dagster_run=ended, dagster_event=last
    )
    answer = sensor(context.for_run_failure() if sensor is failed_runs else context)
    return str(answer.skip_message) if isinstance(answer, dg.SkipReason) else ""


def test_a_run_whose_process_was_killed_is_failed_and_its_days_are_told(
    deployment: Deployment, start: Start
) -> None:
    run = start()
    assert look(deployment) == "runs found dead: none"
    assert status_of(deployment, run) is STATUS.STARTED

    pid = holder(deployment, run)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    assert look(deployment) == f"runs found dead: {run.run_id}"
    assert status_of(deployment, run) is STATUS.FAILURE
    assert is_dead(deployment.data_dir, run.run_id) is None
    assert look(deployment) == "runs found dead: none"
    tell(deployment, run, failed_runs)
    tell(deployment, run, failed_runs)
    told = deployment.recorded()
    assert ends(told) == [("def_busy", f"2025-11-0{day}", "fetch_failed") for day in (3, 4, 5)]
    assert {event["error"] for event in told} == {"the run ended without a word on this day"}


def test_a_run_that_was_being_canceled_when_its_process_died_is_canceled(
    deployment: Deployment, start: Start
) -> None:
    run = start(STATUS.CANCELING)
    pid = holder(deployment, run)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    look(deployment)
    assert status_of(deployment, run) is STATUS.CANCELED


def test_a_run_that_was_canceled_before_it_began_is_told_of_too(deployment: Deployment, start: Start) -> None:
    run = start(STATUS.NOT_STARTED)
    deployment.instance.report_run_canceled(run)
    tell(deployment, run, canceled_runs)
    told = deployment.recorded()
    assert ends(told) == [("def_busy", f"2025-11-0{day}", "fetch_failed") for day in (3, 4, 5)]
    assert {event["error"] for event in told} == {"canceled by an operator"}


@pytest.mark.parametrize("sensor", [failed_runs, canceled_runs])
def test_what_a_command_asked_for_is_left_to_the_command(
    deployment: Deployment, start: Start, sensor: Any
) -> None:
    run = start(request_id="fetch-0a1b2c")
    if sensor is failed_runs:
        deployment.instance.report_run_failed(run)
    else:
        deployment.instance.report_run_canceled(run)
    assert tell(deployment, run, sensor) == "a command asked for it"
    assert deployment.recorded() == []


def test_days_that_were_kept_before_the_kill_are_not_told_as_failed(
    deployment: Deployment, start: Start
) -> None:
    run = start()
    kept = deployment.fetch("def_busy", "2025-11-04", request_id=run.run_id)
    assert kept.success
    deployment.instance.report_run_failed(run)
    tell(deployment, run, failed_runs)
    assert ends(deployment.recorded()) == [
        ("def_busy", "2025-11-03", "fetch_failed"),
        ("def_busy", "2025-11-04", "messages_fetched"),
        ("def_busy", "2025-11-05", "fetch_failed"),
    ]


def test_a_run_of_another_job_tells_of_no_days(deployment: Deployment) -> None:
    deployment.sandbox.stop()
    result = deployment.execute(
        "resolve_chats", run_config={"ops": {"resolve": {"config": {"spellings": ["def_busy"]}}}}
    )
    run = deployment.instance.get_run_by_id(result.run_id)
    assert run is not None
    tell(deployment, run, failed_runs)
    assert deployment.recorded() == []
