"""The command as a person uses it: its exit code, what it prints, and a folder of its own."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.cli.app import run
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram import client, connections
from tg_fetcher_dagster_tests.fixtures_logs import forget_logging

WORLD: dict[str, Any] = {
    "seed": 11,
    "days": {"from": "2025-11-05", "to": "2025-11-08"},
    "people": 10,
    "accounts": [
        {"name": "main", "phone": "+15550001001", "code": "12345", "first_name": "Rita"},
        {"name": "guarded", "phone": "+15550001002", "code": "54321", "password": "corr3ct horse"},
    ],
    "chats": {
        "news": {"type": "channel", "username": "Daily_News", "messages_per_day": 4},
        "club": {"type": "group", "title": "[red]Club[/red]", "messages_per_day": 3, "id": 501},
        "rival": {"type": "channel", "messages_per_day": 2, "id": 7003},
        "closed": {"type": "channel", "username": "closed_doors", "messages_per_day": 3, "no_access": True},
    },
}


@dataclass(frozen=True)
class Result:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of a failure."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


Command = Callable[..., Result]


def kept_identities() -> IdentityTable:
    """The identity table of the folder's deployment, for a look."""
    return IdentityTable(Ledger.open(Settings.read().ledger_location))


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder's own `.env`; nothing of the machine's environment is a setting."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("DAGSTER_HOME", "TG_FETCHER_ENV_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".env"
    path.write_text("REDIS_URL=redis://127.0.0.1:1\nRATE_LIMIT_CALLS_PER_SEC=100000\n")
    return path


@pytest.fixture
def command(
    env_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """Runs `tg-fetcher` with these arguments; `stdin` is what is typed."""

    def call(*arguments: str, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = run(arguments)
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    yield call
    # The handler writes to this test's standard error, which is gone with the test.
    forget_logging()
    os.environ.pop("DAGSTER_HOME", None)


@pytest.fixture
def sandbox(telegram_sandbox: Any, env_file: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A running Telegram that the settings name."""
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(connections, "BACKOFF_SECONDS", 0.01)
    running = telegram_sandbox(WORLD)
    key = env_file.with_name("server.pem")
    key.write_text(running.public_key)
    with env_file.open("a") as file:
        file.write(f"TELEGRAM_DC=2:127.0.0.1:{running.port}\nTELEGRAM_DC_PUBLIC_KEY={key}\n")
    return running


@pytest.fixture
def signed_in(sandbox: Any, command: Command) -> Command:
    """The command, with the account `main` signed in."""
    assert command("accounts", "import", "--session-string", "-", stdin=sandbox.session).code == 0
    return command
