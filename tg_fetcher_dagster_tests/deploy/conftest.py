"""A deployment that is watched: a daemon, its monitor, and a Prometheus that scrapes it every second."""

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml

from tg_fetcher_dagster_tests.deploy.alert_rules import PROMETHEUS, groups
from tg_fetcher_dagster_tests.deploy.prometheus_processes import program, prometheus
from tg_fetcher_dagster_tests.deploy.watched import Watched
from tg_fetcher_dagster_tests.fixtures_redis import free_port, valkey
from tg_fetcher_dagster_tests.flow.dagster_processes import PROGRAMS, Deployment
from tg_fetcher_sandbox.background import RunningSandbox

SCENARIO: dict[str, Any] = {
    "seed": 5,
    "days": {"from": "2025-11-01", "to": "2025-11-12"},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {
        "news": {
            "type": "channel",
            "username": "watched_news",
            "messages_per_day": 6,
            "comments": {"share": 1, "most": 3},
            "discussion": {"title": "talk", "messages_per_day": 2},
        },
        # Its comments are in a group that the account may not see: each day lacks them.
        "walled": {
            "type": "channel",
            "username": "watched_walled",
            "messages_per_day": 4,
            "comments": {"share": 1, "most": 3},
            "discussion": {"title": "closed talk", "no_access": True},
        },
        "busy": {"type": "supergroup", "username": "watched_busy", "messages_per_day": 120, "members": 30},
        "closed": {"type": "channel", "username": "watched_closed", "messages_per_day": 2, "no_access": True},
    },
}


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, ledger_of_deployment: Callable[[], dict[str, str]]
) -> Iterator[Watched]:
    """A daemon, a monitor and a Prometheus that run for all tests of a module."""
    program("prometheus")
    folder = tmp_path_factory.mktemp("watched")
    looks = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    looks["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
    del looks["alerting"]
    port = free_port()
    looks["scrape_configs"] = [
        {**looks["scrape_configs"][0], "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    ]
    quick = copy.deepcopy(list(groups()))
    for group in quick:
        group["interval"] = "1s"
    with ExitStack() as stack:
        redis = stack.enter_context(valkey())
        sandbox = stack.enter_context(RunningSandbox(SCENARIO))
        deployment = Deployment(
            folder / "deployment",
            sandbox,
            f"redis://127.0.0.1:{redis.port}",
            env={"RATE_LIMIT_CALLS_PER_SEC": "5", **ledger_of_deployment()},
        )
        stack.callback(deployment.stop)
        deployment.start_daemon()
        deployment.start([PROGRAMS / "tg-fetcher", "monitor", "--port", str(port)])
        scraping = stack.enter_context(prometheus(folder / "prometheus", looks, quick))
        yield Watched(deployment, scraping)
