"""A pytest plugin: a Telegram of the test's own.

Switch it on with `pytest_plugins = ["tg_fetcher_dagster.sandbox.pytest_plugin"]` in `conftest.py` and take
the fixture:

    async def test_a_day_is_read(telegram_sandbox):
        telegram = telegram_sandbox({"accounts": [...], "chats": [...]})
        async with TelegramClient(StringSession(telegram.session), 1, "hash") as client:
            ...
        assert telegram.count("messages.getHistory") == 1
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from telethon.crypto import rsa

from tg_fetcher_dagster.sandbox.background import RunningSandbox
from tg_fetcher_dagster.sandbox.keys import KeyStore, ServerKey
from tg_fetcher_dagster.sandbox.scenario import Scenario

SandboxFactory = Callable[..., RunningSandbox]
"""Starts a sandbox: `(scenario, *, port=0, keys=None, requests=None) -> RunningSandbox`."""


@pytest.fixture(scope="session")
def telegram_server_key() -> ServerKey:
    """One RSA key for all sandboxes of a test run, which Telethon in this process trusts."""
    key = ServerKey.generate()
    rsa.add_key(key.public_pem, old=False)
    return key


@pytest.fixture
def telegram_sandbox(telegram_server_key: ServerKey) -> Iterator[SandboxFactory]:
    """Starts sandboxes from scenarios; they all end with the test."""
    running: list[RunningSandbox] = []

    def start(
        scenario: Scenario | dict[str, Any] | Path | str,
        *,
        port: int = 0,
        keys: KeyStore | None = None,
        requests: Path | None = None,
    ) -> RunningSandbox:
        sandbox = RunningSandbox(
            scenario, port=port, keys=keys or KeyStore(telegram_server_key), requests=requests
        )
        running.append(sandbox)
        return sandbox

    yield start
    for sandbox in running:
        sandbox.stop()
