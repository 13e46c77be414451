"""One daemon for a module of tests: it takes some ten seconds to start."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tg_fetcher_dagster_tests.fixtures_redis import valkey
from tg_fetcher_dagster_tests.flow.dagster_processes import Deployment
from tg_fetcher_sandbox.background import RunningSandbox

SCENARIO: dict[str, Any] = {
    "seed": 3,
    "days": {"from": "2025-11-01", "to": "2025-11-12"},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {
        "news": {
            "type": "channel",
            "username": "flow_news",
            "messages_per_day": 6,
            "comments": {"share": 0.5, "most": 3},
            "discussion": {"title": "talk", "messages_per_day": 2},
        },
        "busy": {"type": "supergroup", "username": "flow_busy", "messages_per_day": 120, "members": 30},
        "crowd": {"type": "supergroup", "username": "flow_crowd", "messages_per_day": 120, "members": 30},
        "archive": {"type": "channel", "username": "flow_archive", "messages_per_day": 5},
        "quiet": {"type": "group", "messages_per_day": [0, 2], "members": 4},
        "closed": {"type": "channel", "username": "flow_closed", "messages_per_day": 2, "no_access": True},
    },
}


@pytest.fixture(scope="module")
def flow(
    tmp_path_factory: pytest.TempPathFactory, ledger_of_deployment: Callable[[], dict[str, str]]
) -> Iterator[Deployment]:
    """A deployment whose daemon runs for all tests of a module."""
    folder: Path = tmp_path_factory.mktemp("flow") / "deployment"
    with valkey() as redis, RunningSandbox(SCENARIO) as sandbox:
        deployment = Deployment(
            folder, sandbox, f"redis://127.0.0.1:{redis.port}", env=ledger_of_deployment()
        )
        deployment.start_daemon()
        try:
            yield deployment
        finally:
            deployment.stop()
