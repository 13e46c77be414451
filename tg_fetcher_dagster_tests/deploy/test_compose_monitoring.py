"""The profile `monitoring` of docker-compose.yml: what it mounts, who asks whom, and what it may be told."""

import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tg_fetcher_dagster_tests.deploy.alert_rules import ALERTMANAGER, PROMETHEUS, ROOT

PROFILE = "monitoring"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    every = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return {name: service for name, service in every.items() if service.get("profiles") == [PROFILE]}


def _mounted(service: dict[str, Any]) -> dict[str, str]:
    """The folders and files of this project that a service sees, by where it sees them."""
    pairs = [volume.split(":")[:2] for volume in service.get("volumes", ()) if volume.startswith("./")]
    return {inside: outside for outside, inside in pairs}


def test_all_that_is_needed_to_watch_is_started_and_nothing_of_it_without_being_asked(services):
    assert services.keys() == {"prometheus", "alertmanager", "grafana", "loki", "alloy"}


def test_what_is_mounted_exists_and_is_not_written_to(services):
    for service in services.values():
        for volume in service.get("volumes", ()):
            if volume.startswith("./"):
                assert (ROOT / volume.split(":")[0]).exists(), volume
                assert volume.endswith(":ro"), volume


def test_every_file_that_a_command_names_is_mounted(services):
    for name in ("prometheus", "alertmanager", "alloy"):
        words = [word.removeprefix("--config.file=") for word in services[name]["command"]]
        inside = PurePosixPath(next(word for word in words if word.startswith("/etc/")))
        outside = _mounted(services[name])[str(inside.parent)]
        assert (ROOT / outside / inside.name).is_file()


def test_grafana_finds_its_dashboards_and_its_sources(services):
    mounted = _mounted(services["grafana"])
    provisioning = ROOT / mounted["/etc/grafana/provisioning"]
    provider = yaml.safe_load((provisioning / "dashboards" / "tg-fetcher.yml").read_text())["providers"][0]
    assert list((ROOT / mounted[provider["options"]["path"]]).glob("*.json"))
    sources = yaml.safe_load((provisioning / "datasources" / "tg-fetcher.yml").read_text())["datasources"]
    assert {source["type"] for source in sources} == {"prometheus", "loki"}


def test_who_is_asked_is_a_service_of_the_same_network(services):
    every = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    looks = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    asked = [
        target
        for where in [*looks["scrape_configs"], *looks["alerting"]["alertmanagers"]]
        for given in where["static_configs"]
        for target in given["targets"]
    ]
    provisioning = ROOT / "deploy" / "grafana" / "provisioning" / "datasources" / "tg-fetcher.yml"
    asked += [
        urlsplit(each["url"]).netloc for each in yaml.safe_load(provisioning.read_text())["datasources"]
    ]
    for address in asked:
        host = address.split(":")[0]
        assert host == "localhost" or every[host]["networks"] == services["grafana"]["networks"], address


def test_the_images_are_named_to_the_last_digit(services):
    assert all(re.search(r":v?\d+\.\d+\.\d+$", service["image"]) for service in services.values())


def test_the_secrets_of_the_alerts_never_reach_git():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "deploy/alertmanager/secrets/" in ignored
    assert "secrets/" in (ALERTMANAGER / "alertmanager.yml").read_text()
