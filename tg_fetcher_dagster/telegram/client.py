"""Telethon's client as this project uses it: set up, connected and disconnected in one place."""

import asyncio
import ipaddress
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.sessions import StringSession

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.errors import EXPECTED, sort_error
from tg_fetcher_dagster.telegram.fast_reader import read_answers_fast

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 45.0
"""A server that takes the connection and then says nothing is given up after this."""

CONNECTION_RETRIES = 2
RETRY_SECONDS = 1
SOCKET_SECONDS = 10

_ANY_API_ID = 1
_ANY_API_HASH = "0" * 32
"""A server of our own asks for neither; Telegram's own servers refuse these."""


class KeySession(StringSession):  # type: ignore[misc]
    """A session that holds the server and the key, and no cache of every user ever seen.

    Chats are addressed by the ids and hashes of the identity table; Telethon's cache would cost time for
    each page and memory for each user.
    """

    def process_entities(self, tlo: Any) -> None:  # noqa: ANN401 - Telethon is untyped
        """Keeps nothing."""


def stored_session(session: str) -> KeySession:
    """Returns a session from its string, which holds the server's address and the key.

    Raises:
        FetchError: (validation) the string is no StringSession.
    """
    try:
        opened = KeySession(session.strip())
    except (ValueError, struct.error):
        opened = None
    if opened is None or not opened.auth_key:
        raise FetchError(
            ErrorType.VALIDATION,
            "this is no StringSession: one line of 353 or 369 characters is expected, as Telethon saves it",
        )
    return opened


def login_session(settings: Settings) -> KeySession:
    """Returns a session without a key: Telegram's default server, or the one that TELEGRAM_DC names.

    Raises:
        FetchError: (validation) the host or TELEGRAM_DC_PUBLIC_KEY is of no use.
    """
    session = KeySession()
    if settings.telegram_dc_public_key is not None:
        trust_server_key(settings.telegram_dc_public_key)
    if settings.telegram_dc is not None:
        dc, rest = settings.telegram_dc.split(":", 1)
        host, port = rest.rsplit(":", 1)
        try:
            # A session string holds an address, never a name.
            address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0][4][0]
        except (OSError, OverflowError) as error:
            raise FetchError(
                ErrorType.VALIDATION, f"setting TELEGRAM_DC={settings.telegram_dc!r}: {error}"
            ) from None
        session.set_dc(int(dc), str(address), int(port))
    return session


def trust_server_key(path: Path) -> None:
    """Lets this process exchange keys with a server other than Telegram's own.

    Raises:
        FetchError: (validation) the file holds no RSA public key.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
        reason = "must be a PEM file with an RSA public key"
    except OSError as error:
        key, reason = None, str(error.strerror)
    except (ValueError, UnsupportedAlgorithm):
        key, reason = None, "must be a PEM file with an RSA public key"
    if not isinstance(key, RSAPublicKey):
        raise FetchError(ErrorType.VALIDATION, f"setting TELEGRAM_DC_PUBLIC_KEY={str(path)!r}: {reason}")
    rsa.add_key(key.public_bytes(Encoding.PEM, PublicFormat.PKCS1), old=False)


def make_client(session: KeySession, settings: Settings, *, receive_updates: bool = False) -> Any:  # noqa: ANN401
    """Returns an unconnected `TelegramClient` that never sleeps or retries on its own.

    Raises:
        FetchError: (validation) the api id is missing and the server is one of Telegram's.
    """
    api_id, api_hash = settings.telegram_api_id, settings.telegram_api_hash
    if (api_id is None or api_hash is None) and not _is_own_server(session):
        raise FetchError(
            ErrorType.VALIDATION,
            "settings TELEGRAM_API_ID and TELEGRAM_API_HASH are needed: take them from"
            " https://my.telegram.org (API development tools)",
        )
    read_answers_fast()
    return TelegramClient(
        session,
        api_id or _ANY_API_ID,
        api_hash.get_secret_value() if api_hash else _ANY_API_HASH,
        use_ipv6=":" in (session.server_address or ""),
        timeout=SOCKET_SECONDS,
        request_retries=0,
        connection_retries=CONNECTION_RETRIES,
        retry_delay=RETRY_SECONDS,
        flood_sleep_threshold=0,
        raise_last_call_error=True,
        receive_updates=receive_updates,
        device_model="tg-fetcher-dagster",
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


def _is_own_server(session: KeySession) -> bool:
    """True where the address is none of the public internet, and so none of Telegram's."""
    address = session.server_address
    return bool(address) and not ipaddress.ip_address(address).is_global
