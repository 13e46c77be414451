"""One TCP connection of a client, from its first byte to its last."""

import asyncio
import os
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from telethon.errors.common import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl import types

from tg_fetcher_dagster.sandbox import sessions
from tg_fetcher_dagster.sandbox.faults import (
    CutConnectionError,
    Faults,
    SilenceError,
    TransportFaultError,
    error_code,
)
from tg_fetcher_dagster.sandbox.handshake import HandshakeError, KeyExchange
from tg_fetcher_dagster.sandbox.keys import AuthKey, KeyStore
from tg_fetcher_dagster.sandbox.request_log import RequestLog
from tg_fetcher_dagster.sandbox.rpc import Account, Caller, Dispatcher, Request, RpcError, unwrap
from tg_fetcher_dagster.sandbox.service_messages import answer_service_message
from tg_fetcher_dagster.sandbox.sessions import Message, Session, Sessions
from tg_fetcher_dagster.sandbox.transports import Transport, TransportError, recognise

log = structlog.get_logger(__name__)

UNKNOWN_KEY = -404
_BAD_SALT = 48
_PLAIN_HEAD = 20
_CUT_PACKET = 1024


@dataclass(slots=True)
class ServerState:
    """What the connections of one server share.

    Attributes:
        keys: the server's key and the auth keys.
        dispatcher: the methods.
        accounts: the accounts by name.
        faults: the rules in force.
        requests: the request log.
        sessions: every session since the start.
        open: the connections that are open now.
    """

    keys: KeyStore
    dispatcher: Dispatcher
    accounts: dict[str, Account]
    faults: Faults
    requests: RequestLog
    sessions: Sessions = field(default_factory=Sessions)
    open: set["Connection"] = field(default_factory=set)


class _ConnectionEndError(Exception):
    """The connection is to be closed: the client broke a rule, or a fault says so."""


class Connection:
    """Reads a client's packets and answers each request in a task of its own.

    So a delayed answer holds up neither the connection's other requests nor other connections.
    """

    def __init__(
        self,
        state: ServerState,
        *,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
    ) -> None:
        self._state = state
        self._reader = reader
        self._writer = writer
        self._number = number
        self._exchange = KeyExchange(state.keys)
        self._transport: Transport | None = None
        self.key: AuthKey | None = None
        self._session: Session | None = None
        self._answers: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Serves the client until it goes away or has to."""
        self._state.open.add(self)
        try:
            self._transport = await recognise(self._reader)
            while True:
                await self._receive(await self._transport.read())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away, as it may at any time
        except (TransportError, HandshakeError, sessions.DecryptionError, _ConnectionEndError) as error:
            log.info("connection closed by the sandbox", connection=self._number, reason=str(error))
        finally:
            self._state.open.discard(self)
            for task in self._answers:
                task.cancel()
            await asyncio.gather(*self._answers, return_exceptions=True)
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    def push(self, key_id: int, update: Any) -> None:  # noqa: ANN401 - a TL object
        """Sends an update, if the connection is one of this key's."""
        if self._session is not None and self._session.key.key_id == key_id:
            self._send(self._session, bytes(update), response=False)

    def _write(self, packet: bytes) -> None:
        if self._transport is not None and not self._writer.is_closing():
            self._writer.write(self._transport.frame(packet))

    def _send(self, session: Session, *bodies: bytes, response: bool = True) -> None:
        self._write(session.packet(bodies, response=response))

    async def _receive(self, packet: bytes) -> None:
        key_id = int.from_bytes(packet[:8], "little")
        if key_id == 0:
            self._exchange_keys(packet)
            return
        key = self._state.keys.get(key_id)
        if key is None:
            self._write(struct.pack("<i", UNKNOWN_KEY))
            raise _ConnectionEndError("the auth key is unknown")
        if self.key is not key:
            self._adopt(key)
        opened = sessions.decrypt(key, packet)
        session = self._state.sessions.open(key, opened.session_id)
        self._session = session
        if opened.salt != session.salt:
            self._refuse_salt(session, opened.message)
            return
        fault = sessions.id_fault(opened.message.msg_id, time.time())
        if fault is None:
            try:
                messages = list(sessions.unpack(opened.message))
            except ValueError:
                fault = sessions.BAD_CONTAINER
        if fault is not None:
            self._send(session, _notification(opened.message, fault))
            return
        self._greet(session, messages)
        for message in messages:
            self._take(session, message)
        await self._writer.drain()

    def _exchange_keys(self, packet: bytes) -> None:
        length = int.from_bytes(packet[16:20], "little")
        answer = self._exchange.answer(packet[_PLAIN_HEAD : _PLAIN_HEAD + length])
        for key_id, salt in self._exchange.salts.items():
            self._state.sessions.set_salt(key_id, salt)
        self._exchange.salts.clear()
        msg_id = int(time.time() * 2**32) & ~3 | 1
        self._write(struct.pack("<qqi", 0, msg_id, len(answer)) + answer)

    def _adopt(self, key: AuthKey) -> None:
        """Notes whose connection this is; a second one with the same key may be its end."""
        self.key = key
        twice = any(other.key is key for other in self._state.open if other is not self)
        if twice and key.refusal is None and self._state.faults.forbids_duplicate_keys:
            self._state.keys.refuse(key.key_id, "AUTH_KEY_DUPLICATED")

    def _refuse_salt(self, session: Session, message: Message) -> None:
        refusal = types.BadServerSalt(
            bad_msg_id=message.msg_id,
            bad_msg_seqno=message.seqno,
            error_code=_BAD_SALT,
            new_server_salt=session.salt,
        )
        self._send(session, bytes(refusal))

    def _greet(self, session: Session, messages: list[Message]) -> None:
        """Tells a client that its session is new, with the acknowledgement of what opened it."""
        if not session.greeted:
            session.greeted = True
            created = types.NewSessionCreated(
                first_msg_id=min((message.msg_id for message in messages), default=0),
                unique_id=int.from_bytes(os.urandom(8), "little", signed=True),
                server_salt=session.salt,
            )
            acknowledged = [message.msg_id for message in messages if message.seqno % 2]
            self._send(session, bytes(created), bytes(types.MsgsAck(msg_ids=acknowledged)), response=False)

    def _take(self, session: Session, message: Message) -> None:
        service = answer_service_message(message, keys=self._state.keys, session=session)
        if service is not None:
            for body in service:
                self._send(session, body)
            return
        task = asyncio.create_task(self._answer(session, message))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, session: Session, message: Message) -> None:
        try:
            body = await self._result(session, message)
        except SilenceError:
            return
        except TransportFaultError as fault:
            self._write(struct.pack("<i", fault.code))
            self._writer.close()
            return
        except CutConnectionError as fault:
            self._cut(fault.sent)
            return
        self._send(session, sessions.rpc_result(message.msg_id, body))
        with suppress(ConnectionError):
            await self._writer.drain()

    def _cut(self, sent: int) -> None:
        """Sends the beginning of a packet and closes: what is in it does not matter, nobody can open it."""
        if self._transport is not None:
            framed = self._transport.frame(os.urandom(_CUT_PACKET))
            self._writer.write(framed[: sent or len(framed) // 2])
        self._writer.close()

    async def _result(self, session: Session, message: Message) -> bytes:
        """The body of the answer: a result or an error, which is written to the request log too."""
        came = datetime.now(UTC)
        try:
            request, caller = self._read(session, message)
        except RpcError as error:
            return _error(error)
        failed: str | None = None
        try:
            self._refuse_dead_key(session.key)
            answer = await self._state.dispatcher.answer(request, caller)
            return sessions.serialise(answer, request.SUBCLASS_OF_ID)
        except RpcError as error:
            failed = error.message
            return _error(error)
        except (CutConnectionError, SilenceError, TransportFaultError) as fault:
            failed = type(fault).__name__.removesuffix("Error")
            raise
        except asyncio.CancelledError:
            failed = "connection closed"
            raise
        except Exception as error:
            log.exception("the sandbox failed to answer", request=type(request).__name__)
            failed = f"INTERNAL: {error!r}"
            return _error(RpcError(500, "INTERNAL"))
        finally:
            self._state.requests.record(request, caller, came=came, error=failed)

    def _read(self, session: Session, message: Message) -> tuple[Request, Caller]:
        """The request in a message, without its wrappers, and who asks.

        Raises:
            RpcError: 400 INPUT_METHOD_INVALID where the layer does not know it.
        """
        try:
            with BinaryReader(message.body) as reader:
                wrapped = reader.tgread_object()
        except (TypeNotFoundError, BufferError, ValueError, struct.error) as error:
            log.warning("a request cannot be read", constructor=hex(message.constructor))
            raise RpcError(400, f"INPUT_METHOD_INVALID_{message.constructor}") from error
        account = session.key.account
        request, caller = unwrap(
            wrapped,
            Caller(
                account=self._state.accounts.get(account) if account is not None else None,
                auth_key_id=session.key.key_id,
                session_id=session.session_id,
                connection_id=self._number,
                layer=session.layer,
                client=session.client,
            ),
        )
        session.layer, session.client = caller.layer, caller.client
        return request, caller

    def _refuse_dead_key(self, key: AuthKey) -> None:
        if key.refusal is not None:
            raise RpcError(error_code(key.refusal), key.refusal)


def _notification(message: Message, code: int) -> bytes:
    return bytes(
        types.BadMsgNotification(bad_msg_id=message.msg_id, bad_msg_seqno=message.seqno, error_code=code)
    )


def _error(error: RpcError) -> bytes:
    return bytes(types.RpcError(error_code=error.code, error_message=error.message))
