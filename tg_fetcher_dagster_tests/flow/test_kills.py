"""A run that is killed in the middle of a range keeps its finished days and loses no command."""

import os
import re
import signal
import subprocess
from typing import Any

import dagster as dg
import pytest
import redis

from tg_fetcher_dagster_tests.flow.dagster_processes import PROGRAMS, Deployment

pytestmark = pytest.mark.flow

ENDS = ("messages_fetched", "fetch_skipped", "fetch_failed")
DAYS = [f"2025-11-{day:02}" for day in range(2, 12)]


def run_process(flow: Deployment, chat: str) -> int | None:
    """Returns the process of the run that reads a chat now."""
    with flow.instance() as instance:
        under_way = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], tags={"chat": chat})
        for run in instance.get_runs(filters=under_way):
            for entry in instance.all_logs(run.run_id):
                if found := re.search(r"\(pid: (\d+)\)", entry.user_message or entry.message):
                    return int(found[1])
    return None


def ends_of(flow: Deployment, command_id: str) -> list[dict[str, Any]]:
    """Returns the terminal events that answer a command alone."""
    return [event for event in flow.events(*ENDS) if event["command_ids"] == [command_id]]


@pytest.mark.parametrize(("how", "chat"), [(signal.SIGTERM, "flow_busy"), (signal.SIGKILL, "flow_crowd")])
def test_a_run_that_is_killed_keeps_its_days_and_its_command_is_answered(
    flow: Deployment, how: signal.Signals, chat: str
) -> None:
    # Ten days are twelve pages: the fifth one does not come as long as the run lives.
    flow.sandbox.add_fault(method="messages.getHistory", after=4, hold=True)
    folder = flow.data_dir / chat
    killed = flow.push(chat=chat, mode="range", **{"from": DAYS[0], "to": DAYS[-1]})
    flow.until(lambda: flow.sandbox.held and list(folder.glob("2025-*.json")), what="a durable day of a run")
    pid = flow.until(lambda: run_process(flow, chat), what="the run's process")
    kept = {path.stem: path.read_bytes() for path in folder.glob("2025-11-??.json")}
    os.kill(pid, how)
    flow.until(lambda: not flow.sandbox.held, what="the end of the run's connection")
    flow.sandbox.clear_faults()

    flow.until(lambda: len(ends_of(flow, killed)) >= len(DAYS), what="an event for each day")
    with redis.Redis.from_url(flow.redis_url) as client:
        assert client.llen("tg_commands:processing") == 0
        assert client.llen("tg_commands:failed") == 0
    told = ends_of(flow, killed)
    assert sorted(event["date"] for event in told) == DAYS
    assert {event["event"] for event in told} == {"messages_fetched"}
    assert 0 < len(kept) < len(DAYS)
    for day, content in kept.items():
        assert (folder / f"{day}.json").read_bytes() == content
    assert not list(folder.glob(".*.tmp"))


def test_what_is_cancelled_ends_and_its_run_with_it(flow: Deployment) -> None:
    known = flow.push(chat="flow_archive", date="2025-11-01")  # else a run would first find out who that is
    flow.until(lambda: ends_of(flow, known), what="a chat that is known")
    flow.sandbox.add_fault(method="messages.getHistory", hold=True)
    command = flow.push(chat="flow_archive", mode="range", **{"from": DAYS[0], "to": DAYS[-1]})
    flow.until(lambda: flow.sandbox.held, what="a request of a run")

    subprocess.run(
        [PROGRAMS / "tg-fetcher", "cancel", "--command", command, "--yes"],
        env=flow.environment,
        cwd=flow.folder,
        check=True,
        capture_output=True,
    )

    def status() -> dg.DagsterRunStatus | None:
        with flow.instance() as instance:
            runs = instance.get_runs(filters=dg.RunsFilter(tags={"chat": "flow_archive"}))
        return runs[0].status if runs else None

    flow.until(lambda: status() is dg.DagsterRunStatus.CANCELED, what="the run's end")
    flow.sandbox.clear_faults()
    told = ends_of(flow, command)
    assert sorted(event["date"] for event in told) == DAYS
    assert {(event["event"], event["error_type"]) for event in told} == {("fetch_failed", "cancelled")}
