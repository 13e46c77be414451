"""Messages about messages: pings, acknowledgements, salts (https://core.telegram.org/mtproto/service_messages).

They are answered at once, by no method and without a line in the request log.
"""

import struct
from collections.abc import Callable

from telethon.tl import functions, types

from tg_fetcher_sandbox.keys import KeyStore
from tg_fetcher_sandbox.sessions import Message, Session, rpc_result

_FUTURE_SALTS = 0xAE500895
_SALT_LIFETIME = 3600
_HTTP_WAIT = 0x9299359F
_RECEIVED = b"\x04"
"""`msgs_state_info` for a message that was received."""

_Answer = Callable[[Message, Session, KeyStore], list[bytes]]


def _count(body: bytes) -> int:
    """The length of the vector of message ids that is a service message's only field."""
    return int.from_bytes(body[8:12], "little")


def _nothing(_message: Message, _session: Session, _keys: KeyStore) -> list[bytes]:
    return []


def _pong(message: Message, _session: Session, _keys: KeyStore) -> list[bytes]:
    (ping_id,) = struct.unpack_from("<q", message.body, 4)
    return [bytes(types.Pong(msg_id=message.msg_id, ping_id=ping_id))]


def _future_salts(message: Message, session: Session, _keys: KeyStore) -> list[bytes]:
    now = int(session.clock.time())
    head = struct.pack("<Iqii", _FUTURE_SALTS, message.msg_id, now, 1)
    return [head + struct.pack("<iiq", now, now + _SALT_LIFETIME, session.salt)]


def _states(message: Message, _session: Session, _keys: KeyStore) -> list[bytes]:
    info = _RECEIVED * _count(message.body)
    return [bytes(types.MsgsStateInfo(req_msg_id=message.msg_id, info=info))]


def _drop_answer(message: Message, _session: Session, _keys: KeyStore) -> list[bytes]:
    return [rpc_result(message.msg_id, bytes(types.RpcAnswerUnknown()))]


def _destroy_session(message: Message, _session: Session, _keys: KeyStore) -> list[bytes]:
    (session_id,) = struct.unpack_from("<q", message.body, 4)
    return [bytes(types.DestroySessionOk(session_id=session_id))]


def _destroy_key(message: Message, session: Session, keys: KeyStore) -> list[bytes]:
    keys.forget(session.key.key_id)
    return [rpc_result(message.msg_id, bytes(types.DestroyAuthKeyOk()))]


_ANSWERS: dict[int, _Answer] = {
    functions.PingRequest.CONSTRUCTOR_ID: _pong,
    functions.PingDelayDisconnectRequest.CONSTRUCTOR_ID: _pong,
    functions.GetFutureSaltsRequest.CONSTRUCTOR_ID: _future_salts,
    functions.RpcDropAnswerRequest.CONSTRUCTOR_ID: _drop_answer,
    functions.DestroySessionRequest.CONSTRUCTOR_ID: _destroy_session,
    functions.DestroyAuthKeyRequest.CONSTRUCTOR_ID: _destroy_key,
    types.MsgsStateReq.CONSTRUCTOR_ID: _states,
    types.MsgResendReq.CONSTRUCTOR_ID: _states,
    types.MsgsAck.CONSTRUCTOR_ID: _nothing,
    types.MsgsAllInfo.CONSTRUCTOR_ID: _nothing,
    types.MsgsStateInfo.CONSTRUCTOR_ID: _nothing,
    _HTTP_WAIT: _nothing,
}


def answer_service_message(message: Message, *, keys: KeyStore, session: Session) -> list[bytes] | None:
    """The bodies that answer a service message; None where the message is a request."""
    answer = _ANSWERS.get(message.constructor)
    return None if answer is None else answer(message, session, keys)
