"""From a message that holds a request to the bytes of its answer."""

import asyncio
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from telethon.errors.common import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl import types

from tg_fetcher_sandbox import sessions
from tg_fetcher_sandbox.clock import Clock
from tg_fetcher_sandbox.faults import (
    CutConnectionError,
    Faults,
    SilenceError,
    TransportFaultError,
    error_code,
)
from tg_fetcher_sandbox.keys import AuthKey, KeyStore
from tg_fetcher_sandbox.request_log import RequestLog
from tg_fetcher_sandbox.rpc import Account, Caller, Dispatcher, Request, RpcError, unwrap
from tg_fetcher_sandbox.sessions import Message, Session, Sessions

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ServerState:
    """What the connections of one server share.

    Attributes:
        keys: the server's key and the auth keys.
        dispatcher: the methods.
        accounts: the accounts by name.
        faults: the rules in force.
        requests: the request log.
        clock: the server's.
        sessions: every session since the start.
    """

    keys: KeyStore
    dispatcher: Dispatcher
    accounts: dict[str, Account]
    faults: Faults
    requests: RequestLog
    clock: Clock = field(default_factory=Clock)
    sessions: Sessions = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = Sessions(self.clock)


async def result_of(message: Message, *, session: Session, state: ServerState, connection_id: int) -> bytes:
    """The body of a request's answer, a result or an error, which the request log tells too.

    Raises:
        CutConnectionError, SilenceError, TransportFaultError: a fault that the connection has to act on.
    """
    came = datetime.now(UTC)
    try:
        request, caller = _read(message, session=session, state=state, connection_id=connection_id)
    except RpcError as error:
        return _error(error)
    failed: str | None = None
    try:
        _refuse_dead_key(session.key)
        answer = await state.dispatcher.answer(request, caller)
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
        state.requests.record(request, caller, came=came, error=failed)


def _read(
    message: Message, *, session: Session, state: ServerState, connection_id: int
) -> tuple[Request, Caller]:
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
            account=state.accounts.get(account) if account is not None else None,
            auth_key_id=session.key.key_id,
            session_id=session.session_id,
            connection_id=connection_id,
            layer=session.layer,
            client=session.client,
        ),
    )
    session.layer, session.client = caller.layer, caller.client
    return request, caller


def _refuse_dead_key(key: AuthKey) -> None:
    if key.refusal is not None:
        raise RpcError(error_code(key.refusal), key.refusal)


def _error(error: RpcError) -> bytes:
    return bytes(types.RpcError(error_code=error.code, error_message=error.message))
