"""Debian's Prometheus and Alertmanager over the files of deploy/, on free ports of 127.0.0.1."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tg_fetcher_dagster_tests.deploy.alert_rules import ALERTMANAGER, PROMETHEUS
from tg_fetcher_dagster_tests.fixtures_redis import free_port
from tg_fetcher_dagster_tests.waiting import PATIENCE, until


def program(name: str) -> str:
    """Returns the path of one of Debian's programs; skips the test where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install prometheus prometheus-alertmanager")
    return found


@dataclass(frozen=True)
class Served:
    """A program that serves on a port of its own."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def get(self, path: str, **parameters: Any) -> Any:
        """Returns what the program's API answers."""
        return httpx.get(self.url + path, params=parameters, timeout=PATIENCE).raise_for_status().json()

    def post(self, path: str, body: Any) -> None:
        """Gives something to the program's API."""
        httpx.post(self.url + path, json=body, timeout=PATIENCE).raise_for_status()


class Prometheus(Served):
    """A running Prometheus."""

    def query(self, expression: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """Returns the series that an expression has, now or at a moment."""
        moment = {} if at is None else {"time": at}
        return self.get("/api/v1/query", query=expression, **moment)["data"]["result"]

    def firing(self) -> set[str]:
        """Returns the names of the alerts that fire."""
        found = self.get("/api/v1/alerts")["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}


class Alertmanager(Served):
    """A running Alertmanager."""

    def alerts(self) -> list[dict[str, Any]]:
        """Returns the alerts that it has, with who keeps them quiet."""
        return self.get("/api/v2/alerts")


@contextmanager
def _running(words: list[Any], served: Served, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT)
    try:
        until(lambda: _ready(served, process, log), what=f"{words[0]}, ready")
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _ready(served: Served, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return httpx.get(f"{served.url}/-/ready", timeout=PATIENCE).is_success
    except httpx.TransportError:
        return False


@contextmanager
def alertmanager(folder: Path, configuration: dict[str, Any]) -> Iterator[Alertmanager]:
    """Runs an Alertmanager until the block ends.

    Args:
        folder: where it keeps what it needs, made here.
        configuration: alertmanager.yml, changed as far as the test needs it.
    """
    served = Alertmanager(free_port())
    folder.mkdir()
    shutil.copytree(ALERTMANAGER / "templates", folder / "templates")
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(configuration, sort_keys=False))
    words = [
        program("prometheus-alertmanager"),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'storage'}",
        f"--web.listen-address={served.address}",
        "--cluster.listen-address=",
    ]
    with _running(words, served, folder / "log"):
        yield served


@contextmanager
def prometheus(
    folder: Path, configuration: dict[str, Any], groups: list[dict[str, Any]] | None = None
) -> Iterator[Prometheus]:
    """Runs a Prometheus until the block ends.

    Args:
        folder: where it keeps what it needs, made here.
        configuration: prometheus.yml, changed as far as the test needs it.
        groups: of rules, instead of those of deploy/prometheus.
    """
    served = Prometheus(free_port())
    folder.mkdir()
    if groups is None:
        shutil.copytree(PROMETHEUS / "rules", folder / "rules")
    else:
        (folder / "rules").mkdir()
        (folder / "rules" / "changed.yml").write_text(yaml.safe_dump({"groups": groups}))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    words = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'storage'}",
        f"--web.listen-address={served.address}",
        # What fires before Prometheus has found Alertmanager is told again after this, not after a minute.
        "--rules.alert.resend-delay=1s",
    ]
    with _running(words, served, folder / "log"):
        yield served
