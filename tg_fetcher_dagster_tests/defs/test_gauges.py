"""A run's last values at a Pushgateway; one that is away, or is none, fails nothing."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tg_fetcher_dagster_tests.defs.deployment import Deployment
from tg_fetcher_dagster_tests.fixtures_redis import free_port
from tg_fetcher_dagster_tests.waiting import PATIENCE, until

Pushed = list[tuple[str, str, str]]


@pytest.fixture
def gateway() -> Iterator[tuple[str, Pushed]]:
    """A server that keeps what is pushed to it: method, path and body."""
    pushed: Pushed = []

    class Keeping(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            pushed.append(("PUT", self.path, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keeping)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", pushed
    server.shutdown()
    thread.join()
    server.server_close()


def values(body: str) -> dict[str, float]:
    return {family.name: family.samples[0].value for family in text_string_to_metric_families(body)}


def test_each_chat_of_a_run_pushes_its_own_group_of_last_values(
    deployment: Deployment, gateway: tuple[str, Pushed]
) -> None:
    url, pushed = gateway
    deployment.write_env(PUSHGATEWAY_URL=url)
    deployment.add_chats("def_closed", "def_busy")

    deployment.fetch(("def_closed", "def_busy"), "2025-11-03", "2025-11-04")

    groups = {path: values(body) for _, path, body in pushed}
    assert sorted(groups) == [
        "/metrics/job/tg_fetcher/chat/def_busy",
        "/metrics/job/tg_fetcher/chat/def_closed",
    ]
    busy = groups["/metrics/job/tg_fetcher/chat/def_busy"]
    assert busy["tg_fetcher_last_run_messages"] == 60
    assert busy["tg_fetcher_last_run_days"] == 2
    assert busy["tg_fetcher_last_run_failed_days"] == 0
    assert busy["tg_fetcher_last_run_requests"] == 1
    assert busy["tg_fetcher_last_run_timestamp_seconds"] > 1.7e9
    assert groups["/metrics/job/tg_fetcher/chat/def_closed"]["tg_fetcher_last_run_failed_days"] == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "127.0.0.1:1", "ht!tp://nowhere", "http://[bad"])
def test_a_pushgateway_that_is_away_or_is_none_fails_nothing(deployment: Deployment, url: str) -> None:
    deployment.write_env(PUSHGATEWAY_URL=url)
    assert deployment.fetch("def_busy", "2025-11-03").success


def test_metrics_that_are_switched_off_are_not_pushed(
    deployment: Deployment, gateway: tuple[str, Pushed]
) -> None:
    url, pushed = gateway
    deployment.write_env(PUSHGATEWAY_URL=url, ENABLE_METRICS="false")
    assert deployment.fetch("def_busy", "2025-11-03").success
    assert pushed == []


@pytest.fixture
def debians_gateway() -> Iterator[str]:
    """A real Pushgateway."""
    program = shutil.which("prometheus-pushgateway")
    if program is None:
        pytest.skip("prometheus-pushgateway is not installed: apt-get install prometheus-pushgateway")
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen([program, f"--web.listen-address={address}"], stderr=subprocess.DEVNULL)
    try:
        until(lambda: _is_ready(f"http://{address}"), what="a Pushgateway that is ready")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=PATIENCE).is_success
    except httpx.TransportError:
        return False


@pytest.mark.system
def test_a_real_pushgateway_shows_the_last_run_of_a_chat(
    deployment: Deployment, debians_gateway: str
) -> None:
    deployment.write_env(PUSHGATEWAY_URL=debians_gateway)

    deployment.fetch("def_busy", "2025-11-03", "2025-11-04")

    shown = text_string_to_metric_families(httpx.get(f"{debians_gateway}/metrics", timeout=PATIENCE).text)
    messages = next(family for family in shown if family.name == "tg_fetcher_last_run_messages").samples
    assert [(sample.labels["chat"], sample.value) for sample in messages] == [("def_busy", 60)]
