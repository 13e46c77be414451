"""One connection to Telegram: made once, used until it is lost, never made again by itself.

Telethon's sender does the encryption and the framing. Its own reconnecting is off: it reconnects without a
pause and sends everything that is pending again, past every pace and count. What is lost here stays lost;
`requests.py` decides whether and when another link is made. Nothing leaves a link but what it is asked for,
acknowledgements, and a request again whose salt or number Telegram has refused; even of those no more than
`PACKETS_A_REQUEST`.
"""

import asyncio
import logging
import platform
import re
from collections.abc import Coroutine
from typing import Any

import structlog
from telethon import __version__ as telethon_version
from telethon.network import ConnectionTcpFull, MTProtoSender
from telethon.tl import functions
from telethon.tl.alltlobjects import LAYER

from tg_fetcher_dagster.accounts.sessions import KeySession, api_of
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.errors import EXPECTED, DamagedAnswerError, UnreachableError

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 60.0
"""A socket can stay open although no answer ever comes (telegram.md, 33); the slowest real page takes
seconds."""

CONNECT_SECONDS = 30.0
"""The same for the first answer of a connection, which Telegram gives at once."""

SOCKET_SECONDS = 10
"""How long the TCP connection may take."""

PACKETS_A_REQUEST = 16
"""A request takes one packet, another where the salt was old, and an acknowledgement or two. A server that
refuses each salt it has just named would be sent the same request for ever."""

DEVICE = "tg-fetcher-dagster"
"""What the account's owner sees among the active sessions."""


class _SaidElsewhere(logging.LoggerAdapter[logging.Logger]):
    """Telethon's own words: each failure of a link is sorted and told where it is decided on."""

    def error(self, msg: object, *args: object, **more: Any) -> None:  # noqa: ANN401 - logging's signature
        self.debug(msg, *args, **more)

    def exception(self, msg: object, *args: object, **more: Any) -> None:  # noqa: ANN401 - logging's signature
        self.debug(msg, *args, **{"exc_info": True, **more})


class _Loggers(dict[str, _SaidElsewhere]):
    """A logger for each module, as Telethon's classes look them up."""

    def __missing__(self, module: str) -> _SaidElsewhere:
        made = self[module] = _SaidElsewhere(logging.getLogger(module), {})
        return made


class _Unheard:
    """Where updates go: a link asks for none, and the few that come all the same are not kept."""

    def put_nowait(self, update: object) -> None:
        """Keeps nothing."""


class _Wire(ConnectionTcpFull):  # type: ignore[misc]
    """Telethon's TCP connection, which tells at once that it is lost, and why it could not be made."""

    def __init__(self, *where: Any, loggers: _Loggers) -> None:  # noqa: ANN401 - Telethon is untyped
        super().__init__(*where, loggers=loggers)
        self.lost = False
        self.refusal: OSError | None = None
        self.packets_left = PACKETS_A_REQUEST

    async def connect(self, timeout: float | None = None, ssl: object = None) -> None:  # noqa: ASYNC109 - Telethon's
        """Opens the socket; Telethon's sender would hide why it did not open."""
        try:
            await super().connect(timeout=timeout, ssl=ssl)
        except OSError as error:
            self.refusal = error
            raise

    async def disconnect(self) -> None:
        """Is called by Telethon too, in the moment in which the other side has closed."""
        self.lost = True
        await super().disconnect()

    def send(self, data: bytes) -> Coroutine[Any, Any, None]:
        """Sends a packet, if there may be another one for the present request."""
        self.packets_left -= 1
        if self.packets_left < 0:
            raise ConnectionError("Telegram kept refusing the number or the salt of the same request")
        sending: Coroutine[Any, Any, None] = super().send(data)
        return sending


class Link:
    """One connection of one account; `connect`, `greet`, `ask` as often as needed, `close`."""

    def __init__(self, session: KeySession, settings: Settings) -> None:
        """Connects nothing yet.

        Raises:
            FetchError: (validation) the api id is missing and the server is one of Telegram's.
        """
        loggers = _Loggers()
        self._api_id, _ = api_of(session, settings)
        self._where = f"{session.server_address}:{session.port}"
        self._wire = _Wire(session.server_address, session.port, session.dc_id, loggers=loggers)
        self._sender = MTProtoSender(
            session.auth_key,
            loggers=loggers,
            retries=0,
            delay=0,
            auto_reconnect=False,
            connect_timeout=SOCKET_SECONDS,
            updates_queue=_Unheard(),
        )
        self._ended: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """False once the other side has closed: what is asked then would never leave."""
        return not self._wire.lost and bool(self._sender.is_connected())

    async def connect(self) -> None:
        """Opens the socket; nothing is asked yet.

        Raises:
            UnreachableError: why it does not open.
        """
        try:
            await self._sender.connect(self._wire)
        except ConnectionError:
            reason = self._wire.refusal or "the connection was lost"
            raise UnreachableError(f"Telegram at {self._where} cannot be reached: {reason}") from None
        self._ended = self._sender.disconnected

    async def greet(self) -> Any:  # noqa: ANN401 - Telethon is untyped
        """Tells Telegram which program and layer this is, with the first request; returns `help.getConfig`.

        Raises:
            EXPECTED: what Telegram or the network answers; the link is of no use then, but for an answer with
                an unknown constructor, which comes after Telegram has taken the greeting.
        """
        first = functions.InitConnectionRequest(
            api_id=self._api_id,
            device_model=DEVICE,
            system_version=system_version(),
            app_version=telethon_version,
            lang_code="en",
            system_lang_code="en",
            lang_pack="",
            query=functions.help.GetConfigRequest(),
        )
        layered = functions.InvokeWithLayerRequest(LAYER, functions.InvokeWithoutUpdatesRequest(first))
        return await self._answer(layered, CONNECT_SECONDS)

    async def ask(self, request: Any) -> Any:  # noqa: ANN401 - Telethon is untyped
        """Sends a request once and returns its answer.

        Raises:
            EXPECTED: what Telegram or the network answers, `TimeoutError` where nothing comes.
        """
        return await self._answer(functions.InvokeWithoutUpdatesRequest(request), ANSWER_SECONDS)

    async def _answer(self, request: Any, seconds: float) -> Any:  # noqa: ANN401 - Telethon is untyped
        self._wire.packets_left = PACKETS_A_REQUEST
        answer: asyncio.Future[Any] = self._sender.send(request)
        ended = self._ended
        if ended is None:
            raise ConnectionError("not connected")
        try:
            await asyncio.wait({answer, ended}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if answer.done() and not answer.cancelled():
                return _read(answer)
            if ended.done():
                raise _reason(ended)
            raise TimeoutError(f"no answer in {seconds:.0f} s")
        finally:
            answer.cancel()

    async def close(self) -> None:
        """Closes the connection; one that is lost already is closed too."""
        try:
            await self._sender.disconnect()
        except EXPECTED as error:
            log.debug("disconnected uncleanly", error_type=type(error).__name__)
        if self._ended is not None and not self._ended.cancel() and not self._ended.cancelled():
            self._ended.exception()  # looked at: whoever waited for an answer was told the same


def system_version() -> str:
    """Returns the machine's system as Telethon tells it to Telegram."""
    return re.sub(r"-.+", "", platform.uname().release) or "1.0"


def _read(answer: asyncio.Future[Any]) -> Any:  # noqa: ANN401 - Telethon is untyped
    error = answer.exception()
    if error is None:
        return answer.result()
    if isinstance(error, EXPECTED):
        raise error
    # Whatever else reading ends with (struct.error, BufferError, IndexError): what came is damaged.
    raise DamagedAnswerError(error) from error


def _reason(ended: asyncio.Future[None]) -> Exception:
    error = None if ended.cancelled() else ended.exception()
    return error if isinstance(error, EXPECTED) else ConnectionError("the connection was lost")
