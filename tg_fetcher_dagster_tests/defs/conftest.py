"""A deployment of the test's own; definitions are made anew from its settings."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.settings import ENV_FILE_VARIABLE, Settings
from tg_fetcher_dagster.telegram import connections
from tg_fetcher_dagster_tests.defs.deployment import AWAY, WORLD, Deployment
from tg_fetcher_dagster_tests.fixtures_logs import forget_logging
from tg_fetcher_sandbox.background import RunningSandbox


@pytest.fixture
def empty_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the machine's environment is a setting; returns the working folder."""
    for name in (*Settings.model_fields, "dagster_home"):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv(ENV_FILE_VARIABLE, str(tmp_path / ".env"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A real instance in memory."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def deployment(
    empty_environment: Path,
    instance: dg.DagsterInstance,
    telegram_sandbox: Callable[..., RunningSandbox],
    ledger_of_deployment: Callable[[], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Deployment]:
    """Settings, an account that is signed in, and no Redis."""
    monkeypatch.setattr(connections, "BACKOFF_SECONDS", 0.01)
    made = Deployment(empty_environment, telegram_sandbox(WORLD), instance)
    made.write_env(
        TELEGRAM_API_ID="1",
        TELEGRAM_API_HASH="0123456789abcdef0123456789abcdef",
        DATA_DIR=str(made.data_dir),
        SESSION_DIR=str(made.folder / "sessions"),
        RATE_LIMIT_CALLS_PER_SEC="100000",
        MAX_RETRY_ATTEMPTS="0",
        RETRY_BACKOFF_FACTOR="1",
        REDIS_URL=AWAY,
        **ledger_of_deployment(),
    )
    AccountStore(made.settings.session_dir).save("main", made.sandbox.session)
    yield made
    if "ledger" in vars(made):
        made.ledger.close()
    # Its handler writes to this test's standard error, which is gone with the test.
    forget_logging()


@pytest.fixture
def with_redis(deployment: Deployment, redis_url: str) -> Any:
    """The deployment with a Redis that answers."""
    deployment.write_env(REDIS_URL=redis_url)
    return deployment
