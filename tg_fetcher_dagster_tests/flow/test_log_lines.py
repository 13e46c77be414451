"""Every line of a daemon, its code server and its runs is ours, and one search shows a command's life."""

from pathlib import Path

import orjson
import pytest

from tg_fetcher_dagster.logs.rendering import FIRST, ORIGIN
from tg_fetcher_dagster_tests.fixtures_redis import valkey
from tg_fetcher_dagster_tests.flow.conftest import SCENARIO
from tg_fetcher_dagster_tests.flow.dagster_processes import PROGRAMS, PROJECT, Deployment
from tg_fetcher_sandbox.background import RunningSandbox

pytestmark = pytest.mark.flow

LIFE = [
    "command taken",
    "command planned",
    "batch asked for",
    "run began",
    "fetch began",
    "event recorded",
    "fetch ended",
    "event published",
    "request ended",
]


def test_all_lines_of_all_processes_are_json_with_our_fields(tmp_path: Path) -> None:
    with valkey() as server, RunningSandbox(SCENARIO) as sandbox:
        deployment = Deployment(tmp_path / "deployment", sandbox, f"redis://127.0.0.1:{server.port}")
        deployment.write_env(ENVIRONMENT="staging")
        daemon = [PROGRAMS / "dagster-daemon", "run", "-w", PROJECT / "workspace.yaml"]
        deployment.start([PROGRAMS / "tg-fetcher", "logged", *daemon])
        log = deployment.folder / "tg-fetcher.log"
        try:
            deployment.push(
                chat="@flow_news", mode="date", date="2025-11-07", correlation_id="flow-17", command_id="c-17"
            )
            deployment.until(lambda: b'"request ended"' in log.read_bytes(), what="the end of the request")
            without_fault = log.read_bytes().rpartition(b"\n")[0]
        finally:
            deployment.stop()
    lines = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    for line in lines:
        assert line.keys() >= {*FIRST, *ORIGIN}, line
        assert line["environment"] == "staging"
        assert line["level"] in {"debug", "info", "warning", "error", "critical"}
    loggers = {line.get("logger", "").partition(".")[0] for line in lines}
    assert {"dagster", "tg_fetcher_dagster"} <= loggers
    workers = {line["worker_id"] for line in lines}
    assert len(workers) >= 3, "the daemon, the code server and runs"
    found = [line for line in lines if b"flow-17" in orjson.dumps(line)]
    told = [line["event"] for line in found]
    assert [event for event in LIFE if event not in told] == []
    [ended] = [line for line in found if line["event"] == "fetch ended"]
    assert (ended["chat"], ended["date"], ended["status"]) == ("flow_news", "2025-11-07", "fetched")
    assert ended["run_id"]
    levels = {orjson.loads(line)["level"] for line in without_fault.splitlines()}
    assert not levels & {"error", "critical"}, "before all is ended at once"
