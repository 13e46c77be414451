"""A pytest plugin: a Telegram of the test's own.

Where this distribution is installed, pytest finds it by itself. Take the fixture:

    async def test_a_day_is_read(telegram_sandbox):
        telegram = telegram_sandbox({"accounts": [...], "chats": [...]})
        async with TelegramClient(StringSession(telegram.session), 1, "hash") as client:
            ...
        assert telegram.count("messages.getHistory") == 1

Every test run of the environment loads this module, whether it takes the fixture or not: what a sandbox needs
is imported when one is made.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from tg_fetcher_sandbox.background import RunningSandbox
    from tg_fetcher_sandbox.keys import KeyStore, ServerKey
    from tg_fetcher_sandbox.scenario import Scenario

SandboxFactory: TypeAlias = "Callable[..., RunningSandbox]"
"""Starts a sandbox: `(scenario, *, port=0, keys=None, requests=None) -> RunningSandbox`."""


@pytest.fixture(scope="session")
def telegram_server_key() -> "ServerKey":
    """One RSA key for all sandboxes of a test run, which Telethon in this process trusts."""
    from telethon.crypto import rsa

    from tg_fetcher_sandbox.keys import ServerKey

    key = ServerKey.generate()
    rsa.add_key(key.public_pem, old=False)
    return key


@pytest.fixture
def telegram_sandbox(telegram_server_key: "ServerKey") -> Iterator[SandboxFactory]:
    """Starts sandboxes from scenarios; they all end with the test."""
    from tg_fetcher_sandbox import background
    from tg_fetcher_sandbox.keys import KeyStore

    running: list[background.RunningSandbox] = []

    def start(
        scenario: "Scenario | dict[str, Any] | Path | str",
        *,
        port: int = 0,
        keys: "KeyStore | None" = None,
        requests: Path | None = None,
    ) -> background.RunningSandbox:
        sandbox = background.RunningSandbox(
            scenario, port=port, keys=keys or KeyStore(telegram_server_key), requests=requests
        )
        running.append(sandbox)
        return sandbox

    yield start
    for sandbox in running:
        sandbox.stop()
