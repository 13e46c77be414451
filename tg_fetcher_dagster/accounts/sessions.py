"""Sessions: which server, with which key, as which program."""

import ipaddress
import socket
import struct
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from telethon.crypto import rsa
from telethon.sessions import StringSession

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings

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


def api_of(session: KeySession, settings: Settings) -> tuple[int, str]:
    """Returns the api id and hash; any will do for a server of our own.

    Raises:
        FetchError: (validation) they are missing and the server is one of Telegram's.
    """
    api_id, api_hash = settings.telegram_api_id, settings.telegram_api_hash
    if (api_id is None or api_hash is None) and not _is_own_server(session):
        raise FetchError(
            ErrorType.VALIDATION,
            "settings TELEGRAM_API_ID and TELEGRAM_API_HASH are needed: take them from"
            " https://my.telegram.org (API development tools)",
        )
    return api_id or _ANY_API_ID, api_hash.get_secret_value() if api_hash else _ANY_API_HASH


def _is_own_server(session: KeySession) -> bool:
    """True where the address is none of the public internet, and so none of Telegram's."""
    address = session.server_address
    return bool(address) and not ipaddress.ip_address(address).is_global
