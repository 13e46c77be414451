"""One TCP connection of a client, from its first byte to its last."""

import asyncio
import os
import struct
from contextlib import suppress
from typing import Any

import structlog
from telethon.tl import types

from tg_fetcher_sandbox import sessions
from tg_fetcher_sandbox.answering import ServerState, result_of
from tg_fetcher_sandbox.faults import (
    CutConnectionError,
    SilenceError,
    TransportFaultError,
)
from tg_fetcher_sandbox.handshake import HandshakeError, KeyExchange
from tg_fetcher_sandbox.keys import AuthKey
from tg_fetcher_sandbox.service_messages import answer_service_message
from tg_fetcher_sandbox.sessions import Message, Session
from tg_fetcher_sandbox.transports import Transport, TransportError, recognise

log = structlog.get_logger(__name__)

UNKNOWN_KEY = -404
_BAD_SALT = 48
_PLAIN_HEAD = 20
_CUT_PACKET = 1024


class _ConnectionEndError(Exception):
    """The connection is to be closed: the client broke a rule, or a fault says so."""


_BROKEN = (TransportError, HandshakeError, sessions.DecryptionError, struct.error, _ConnectionEndError)
"""What a client can send that ends its connection."""


class Connection:
    """Reads a client's packets and answers each request in a task of its own.

    So a delayed answer holds up neither the connection's other requests nor other connections.

    Attributes:
        key: the auth key that the client used last.
    """

    def __init__(
        self,
        state: ServerState,
        *,
        others: set["Connection"],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
    ) -> None:
        self._state = state
        self._open = others
        self._reader = reader
        self._writer = writer
        self._number = number
        self._exchange = KeyExchange(state.keys, clock=state.clock)
        self._transport: Transport | None = None
        self.key: AuthKey | None = None
        self._session: Session | None = None
        self._answers: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Serves the client until it goes away or has to."""
        self._open.add(self)
        try:
            self._transport = await recognise(self._reader)
            while True:
                await self._receive(await self._transport.read())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away, as it may at any time
        except _BROKEN as error:
            log.info("connection closed by the sandbox", connection=self._number, reason=str(error))
        finally:
            self._open.discard(self)
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
        fault = sessions.id_fault(opened.message.msg_id, self._state.clock.time())
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
        msg_id = int(self._state.clock.time() * 2**32) & ~3 | 1
        self._write(struct.pack("<qqi", 0, msg_id, len(answer)) + answer)

    def _adopt(self, key: AuthKey) -> None:
        """Notes whose connection this is; a second one with the same key may be its end."""
        self.key = key
        twice = any(other.key is key for other in self._open if other is not self)
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
            body = await result_of(message, session=session, state=self._state, connection_id=self._number)
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


def _notification(message: Message, code: int) -> bytes:
    return bytes(
        types.BadMsgNotification(bad_msg_id=message.msg_id, bad_msg_seqno=message.seqno, error_code=code)
    )
