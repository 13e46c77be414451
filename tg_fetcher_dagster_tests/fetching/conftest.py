"""A context over the sandbox: real Telegram protocol, real files."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster_tests.counting import Counted
from tg_fetcher_dagster_tests.fetching.reading import Fetching
from tg_fetcher_sandbox.background import RunningSandbox


@pytest.fixture(autouse=True)
def _every_request_is_counted(counted: Counted) -> None:
    """What the runs say that they sent is what the sandboxes heard."""


@pytest.fixture
def fetching(
    tmp_path: Path, telegram_sandbox: Callable[..., RunningSandbox], ledger: Ledger
) -> Callable[..., Fetching]:
    """Starts a sandbox with a scenario and returns what fetches from it."""

    def start(scenario: dict[str, Any], *, now: datetime | None = None, **settings: Any) -> Fetching:
        sandbox = telegram_sandbox(scenario)
        noon = now or datetime(2025, 12, 1, 12, tzinfo=UTC)
        return Fetching.over(sandbox, tmp_path, ledger, now=noon, **settings)

    return start
