"""Telethon's client, for signing in: a person waits, codes and QR codes come and go.

Reading goes over `link.py` instead, where each request is paced and counted.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from telethon import TelegramClient

from tg_fetcher_dagster.accounts.request_counts import RequestCounts
from tg_fetcher_dagster.accounts.sessions import KeySession, api_of
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.errors import EXPECTED, sort_error
from tg_fetcher_dagster.telegram.link import DEVICE, SOCKET_SECONDS, system_version
from tg_fetcher_dagster.telegram.requests import method_name

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 45.0
"""A server that takes the connection and then says nothing is given up after this."""

CONNECTION_RETRIES = 2
RETRY_SECONDS = 1


class CountedClient(TelegramClient):  # type: ignore[misc]
    """Telethon's client, each of whose requests is counted; its connecting is not."""

    def __init__(self, *where: Any, account: str, counts: RequestCounts, **how: Any) -> None:  # noqa: ANN401
        super().__init__(*where, **how)
        self._counted_for = account
        self._counts = counts

    async def __call__(self, request: Any, *args: Any, **more: Any) -> Any:  # noqa: ANN401 - Telethon's
        """Sends a request; Telethon's own methods come through here, too."""
        self._counts.sent(self._counted_for, method_name(request))
        return await super().__call__(request, *args, **more)


def make_client(session: KeySession, settings: Settings, *, account: str, counts: RequestCounts) -> Any:  # noqa: ANN401 - Telethon is untyped
    """Returns an unconnected `TelegramClient` that neither sleeps nor reconnects on its own.

    Args:
        session: whose key it makes or has.
        settings: as they are now.
        account: who signs in.
        counts: is told of each request.

    Raises:
        FetchError: (validation) the api id is missing and the server is one of Telegram's.
    """
    api_id, api_hash = api_of(session, settings)
    return CountedClient(
        session,
        api_id,
        api_hash,
        use_ipv6=":" in (session.server_address or ""),
        timeout=SOCKET_SECONDS,
        request_retries=0,
        connection_retries=CONNECTION_RETRIES,
        retry_delay=RETRY_SECONDS,
        auto_reconnect=False,
        flood_sleep_threshold=0,
        raise_last_call_error=True,
        device_model=DEVICE,
        system_version=system_version(),
        account=account,
        counts=counts,
    )


async def connect(client: Any) -> None:  # noqa: ANN401 - Telethon is untyped
    """Connects, and leaves nothing open where that fails.

    Raises:
        FetchError: (network) the server cannot be reached; (auth) it does not know the session.
    """
    where = f"{client.session.server_address or 'Telegram'}:{client.session.port or 443}"
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.connect()
    except EXPECTED as error:
        await disconnect(client)
        raise sort_error(error, about=f"Telegram at {where}") from error
    except BaseException:
        await disconnect(client)
        raise


async def reconnected(client: Any) -> None:  # noqa: ANN401 - Telethon is untyped
    """Connects again where the connection was lost while a person typed or looked for the phone.

    Raises:
        FetchError: as `connect`.
    """
    if not client.is_connected():
        await disconnect(client)
        await connect(client)


async def disconnect(client: Any) -> None:  # noqa: ANN401 - Telethon is untyped
    """Closes the connection; a connection that is lost already is closed too."""
    try:
        await client.disconnect()
    except EXPECTED as error:
        log.debug("disconnected uncleanly", error_type=type(error).__name__)
    ended = client.disconnected
    if ended.done() and not ended.cancelled():
        ended.exception()  # looked at: whoever waited for an answer was told the same


@asynccontextmanager
async def connected(client: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - Telethon is untyped
    """Connects for as long as the block lasts."""
    await connect(client)
    try:
        yield client
    finally:
        await disconnect(client)
