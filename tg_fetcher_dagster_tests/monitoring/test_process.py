"""`tg-fetcher monitor` as a service: its port, its pages, its end."""

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.metrics.counted import FETCH_DURATION, MESSAGES
from tg_fetcher_dagster_tests.fixtures_redis import free_port
from tg_fetcher_dagster_tests.waiting import PATIENCE, until

PROGRAM = Path(sys.executable).with_name("tg-fetcher")


@dataclass
class Monitor:
    """A running monitor."""

    process: subprocess.Popen[str]
    url: str

    def get(self, page: str) -> httpx.Response:
        return httpx.get(self.url + page, timeout=PATIENCE)

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.get("/metrics").text)
            for sample in family.samples
            if sample.name == name
        }


@contextmanager
def running(folder: Path, *arguments: str, **env: str) -> Iterator[Monitor]:
    """Runs a monitor until the block ends."""
    port = free_port()
    process = subprocess.Popen(
        [PROGRAM, "monitor", "--port", str(port), *arguments],
        env={"REDIS_URL": "", "DATA_DIR": str(folder / "data"), "DAGSTER_HOME": str(folder), **env},
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"http://127.0.0.1:{port}/metrics\n"
        yield Monitor(process, f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.communicate()


def test_what_is_counted_is_shown_after_a_restart_too(
    tmp_path: Path, ledger: Ledger, ledger_url: str
) -> None:
    with ledger.write() as connection:
        measure(connection, [Measure(MESSAGES, ("demo",), 5)])
    for _ in range(2):
        with running(tmp_path, LEDGER_URL=ledger_url) as monitor:
            until(lambda: monitor.values(MESSAGES.name), what="a first reading")
            assert monitor.values(MESSAGES.name) == {("demo",): 5}


def test_sigterm_ends_it_well(tmp_path: Path, ledger_url: str) -> None:
    with running(tmp_path, LEDGER_URL=ledger_url) as monitor:
        monitor.process.send_signal(signal.SIGTERM)
        assert monitor.process.wait(PATIENCE) == 0


def test_a_port_that_is_taken_is_one_line(tmp_path: Path, ledger_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [PROGRAM, "monitor", "--port", str(port)],
            env={"LEDGER_URL": ledger_url}, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr == (
        f"error: cannot listen on 127.0.0.1:{port}: Address already in use;"
        " METRICS_PORT and MONITOR_HOST say where\n"
    )


@pytest.mark.parametrize("page", ["/health/live", "/health/ready", "/health", "/metrics", "/"])
def test_a_ledger_that_is_not_there_hinders_no_answer(tmp_path: Path, page: str) -> None:
    with running(tmp_path) as monitor:
        until(lambda: "there is none yet" in monitor.get("/health/ready").text, what="a first look")
        assert monitor.get(page).status_code == (503 if page in {"/health", "/health/ready"} else 200)
        assert monitor.values("tg_fetcher_source_up")["ledger",] == 0
        assert monitor.get("/health").json()["status"] == "down"
    assert not (tmp_path / "data").exists()


@pytest.mark.system
def test_promtool_finds_no_fault_in_what_is_shown(tmp_path: Path, ledger: Ledger, ledger_url: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    with ledger.write() as connection:
        measure(
            connection,
            [Measure(MESSAGES, ("demo",), 5), Measure(FETCH_DURATION, ("demo", "day", "fetched"), 2)],
        )
    with running(tmp_path, LEDGER_URL=ledger_url) as monitor:
        until(lambda: monitor.values(MESSAGES.name), what="a first reading")
        text = monitor.get("/metrics").text
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    # The days that are counted here are chats' days, things and no time.
    said = (checked.stdout + checked.stderr).splitlines()
    assert [line for line in said if line and 'instead of "days"' not in line] == []
