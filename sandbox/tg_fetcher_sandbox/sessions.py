"""Encrypted messages and their sessions (https://core.telegram.org/mtproto/description, version 2.0)."""

import gzip
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from telethon.crypto import AES
from telethon.extensions import BinaryReader
from telethon.tl.tlobject import TLObject

from tg_fetcher_sandbox.clock import Clock
from tg_fetcher_sandbox.keys import AuthKey

_CONTAINER = 0x73F1F8DC
_GZIP_PACKED = 0x3072CFA1
_RPC_RESULT = 0xF35C6D01
_VECTOR = 0x1CB5C415
_BOOL_TRUE, _BOOL_FALSE = 0x997275B5, 0xBC799737
_VECTOR_OF_LONG = 0x8918E168
"""`SUBCLASS_OF_ID` of methods that answer `Vector<long>`; other vectors of numbers are of 32 bits."""

_GZIP_FROM = 512
"""Longer bodies are packed where that makes them smaller, as Telegram and its clients do."""

_HEADER = struct.Struct("<qqqii")
_FRAME_HEAD = 24

TOO_OLD, TOO_NEW, WRONG_PARITY, BAD_CONTAINER = 16, 17, 18, 64
"""`bad_msg_notification` codes."""

_OLDEST, _NEWEST = 300, 30
"""A message id may be so many seconds behind or ahead of the clock."""


class DecryptionError(Exception):
    """A packet that the named key did not encrypt; real Telegram closes the connection."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a packet: its id, its number in the session and its TL body."""

    msg_id: int
    seqno: int
    body: bytes

    @property
    def constructor(self) -> int:
        """The number of the TL constructor or method in the body."""
        return int.from_bytes(self.body[:4], "little")


@dataclass(frozen=True, slots=True)
class Packet:
    """A decrypted packet of a client."""

    salt: int
    session_id: int
    message: Message


def _aes_key(auth_key: bytes, msg_key: bytes, *, from_client: bool) -> tuple[bytes, bytes]:
    x = 0 if from_client else 8
    a = sha256(msg_key + auth_key[x : x + 36]).digest()
    b = sha256(auth_key[x + 40 : x + 76] + msg_key).digest()
    return a[:8] + b[8:24] + a[24:32], b[:8] + a[8:24] + b[24:32]


def decrypt(key: AuthKey, packet: bytes) -> Packet:
    """Opens a client's packet.

    Raises:
        DecryptionError: the message key does not fit what was decrypted.
    """
    msg_key = packet[8:24]
    encrypted = packet[_FRAME_HEAD : len(packet) - (len(packet) - _FRAME_HEAD) % 16]
    aes_key, aes_iv = _aes_key(key.key, msg_key, from_client=True)
    plain: bytes = AES.decrypt_ige(encrypted, aes_key, aes_iv)
    if len(plain) < _HEADER.size or sha256(key.key[88:120] + plain).digest()[8:24] != msg_key:
        raise DecryptionError("the message key is wrong")
    salt, session_id, msg_id, seqno, length = _HEADER.unpack_from(plain)
    body = plain[_HEADER.size : _HEADER.size + length]
    if len(body) != length or length % 4:
        raise DecryptionError("the message's length is wrong")
    return Packet(salt, session_id, Message(msg_id, seqno, body))


def encrypt(key: AuthKey, payload: bytes) -> bytes:
    """The packet that carries a payload (salt, session, message) to the client."""
    payload += os.urandom(-(len(payload) + 12) % 16 + 12)
    msg_key = sha256(key.key[96:128] + payload).digest()[8:24]
    aes_key, aes_iv = _aes_key(key.key, msg_key, from_client=False)
    encrypted: bytes = AES.encrypt_ige(payload, aes_key, aes_iv)
    return key.key_id.to_bytes(8, "little") + msg_key + encrypted


def unpack(message: Message) -> Iterator[Message]:
    """The plain messages of a message: out of containers and unzipped.

    Containers are cut by hand, so that one unknown constructor does not lose the requests beside it.

    Raises:
        ValueError: the container or the zipped body is broken.
    """
    if message.constructor == _GZIP_PACKED:
        with BinaryReader(message.body[4:]) as reader:
            packed = reader.tgread_bytes()
        try:
            yield Message(message.msg_id, message.seqno, gzip.decompress(packed))
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError("a zipped body is broken") from error
    elif message.constructor == _CONTAINER:
        count = int.from_bytes(message.body[4:8], "little")
        position = 8
        for _ in range(count):
            if position + 16 > len(message.body):
                raise ValueError("a container is too short for its messages")
            msg_id, seqno, length = struct.unpack_from("<qii", message.body, position)
            position += 16
            yield from unpack(Message(msg_id, seqno, message.body[position : position + length]))
            position += length
    else:
        yield message


def id_fault(msg_id: int, now: float) -> int | None:
    """The `bad_msg_notification` code for a client's message id, None where it is good."""
    if msg_id % 4:
        return WRONG_PARITY
    age = now - (msg_id >> 32)
    if age > _OLDEST:
        return TOO_OLD
    return TOO_NEW if -age > _NEWEST else None


def serialise(answer: Any, result_type: int) -> bytes:  # noqa: ANN401 - whatever a method answers
    """The bytes of a method's answer; `result_type` is the request's `SUBCLASS_OF_ID`."""
    if isinstance(answer, bool):
        return struct.pack("<I", _BOOL_TRUE if answer else _BOOL_FALSE)
    if not isinstance(answer, list | tuple):
        return bytes(answer._bytes())  # noqa: SLF001 - Telethon's way to serialise
    number = "<q" if result_type == _VECTOR_OF_LONG else "<i"
    items = (struct.pack(number, item) if isinstance(item, int) else item._bytes() for item in answer)  # noqa: SLF001
    return struct.pack("<Ii", _VECTOR, len(answer)) + b"".join(items)


def rpc_result(msg_id: int, body: bytes) -> bytes:
    """The answer to the request `msg_id`, zipped where that is shorter."""
    if len(body) > _GZIP_FROM:
        packed = struct.pack("<I", _GZIP_PACKED) + TLObject.serialize_bytes(gzip.compress(body, 1))
        body = min(body, packed, key=len)
    return struct.pack("<Iq", _RPC_RESULT, msg_id) + body


class Session:
    """One session of a client: numbers what the server sends in it.

    Attributes:
        key: the auth key that it is encrypted with.
        session_id: the client's number of it.
        salt: the server salt that the client must name.
        layer: the layer that the client named last.
        client: the device and version that the client named.
        greeted: whether the client was told that the session is new.
        clock: the server's.
    """

    def __init__(self, key: AuthKey, session_id: int, salt: int, clock: Clock | None = None) -> None:
        self.key = key
        self.clock = clock or Clock()
        self.session_id = session_id
        self.salt = salt
        self.layer = 0
        self.client = ""
        self.greeted = False
        self._content_messages = 0
        self._last_id = 0

    def _message(self, body: bytes, *, response: bool, content: bool = True) -> bytes:
        msg_id = int(self.clock.time() * 2**32) & ~3 | (1 if response else 3)
        if msg_id <= self._last_id:
            msg_id = (self._last_id & ~3) + 4 | (msg_id & 3)
        self._last_id = msg_id
        seqno = self._content_messages * 2 + content
        self._content_messages += content
        return struct.pack("<qii", msg_id, seqno, len(body)) + body

    def packet(self, bodies: Sequence[bytes], *, response: bool) -> bytes:
        """The encrypted packet with these bodies, in a container where there are more than one.

        Args:
            bodies: TL objects, serialised.
            response: whether they answer a message of the client or come of themselves.
        """
        if len(bodies) == 1:
            message = self._message(bodies[0], response=response)
        else:
            inner = b"".join(self._message(body, response=response) for body in bodies)
            container = struct.pack("<Ii", _CONTAINER, len(bodies)) + inner
            message = self._message(container, response=response, content=False)
        return encrypt(self.key, struct.pack("<qq", self.salt, self.session_id) + message)


class Sessions:
    """Every session that the server knows since it was started, and each key's salt."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._sessions: dict[tuple[int, int], Session] = {}
        self._salts: dict[int, int] = {}

    def set_salt(self, key_id: int, salt: int) -> None:
        """Names a key's first salt, which the key exchange decides."""
        self._salts[key_id] = salt

    def open(self, key: AuthKey, session_id: int) -> Session:
        """The session of this number, a new one where there is none."""
        found = self._sessions.get((key.key_id, session_id))
        if found is not None:
            return found
        salt = self._salts.setdefault(key.key_id, int.from_bytes(os.urandom(8), "little", signed=True))
        session = self._sessions[key.key_id, session_id] = Session(key, session_id, salt, self._clock)
        return session

    def forget_all(self) -> None:
        """Forgets sessions and salts, as a restart does: `bad_server_salt` tells clients the new one."""
        self._sessions.clear()
        self._salts.clear()
