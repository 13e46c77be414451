"""The framings that MTProto packets travel in over TCP, as a server reads and writes them.

Full, abridged, intermediate, padded intermediate, and any of the last three obfuscated; which one a client
uses shows in its first bytes (https://core.telegram.org/mtproto/mtproto-transports).
"""

import asyncio
import os
import struct
import zlib
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

MAX_PACKET = 16 * 1024 * 1024
"""Longer packets than any client sends: a length above it means that the bytes are no MTProto."""

_ABRIDGED_TAG = b"\xef"
_INTERMEDIATE_TAG = b"\xee" * 4
_PADDED_TAG = b"\xdd" * 4
_OBFUSCATED_HEADER = 64
_QUICK_ACK = 0x80000000


class TransportError(Exception):
    """The bytes are not what the transport allows; the connection is closed."""


class ByteSource(Protocol):
    """Where a transport reads from."""

    async def readexactly(self, n: int, /) -> bytes:
        """The next `n` bytes; raises `asyncio.IncompleteReadError` at the end."""


class Transport(Protocol):
    """Cuts a stream of bytes into packets and frames packets for it."""

    async def read(self) -> bytes:
        """The next packet."""

    def frame(self, packet: bytes) -> bytes:
        """The bytes that carry a packet to the client."""


class _Replayed:
    """A source whose first bytes were already read to recognise the transport."""

    def __init__(self, first: bytes, source: ByteSource) -> None:
        self._first = first
        self._source = source

    async def readexactly(self, n: int, /) -> bytes:
        """The next `n` bytes."""
        if not self._first:
            return await self._source.readexactly(n)
        taken, self._first = self._first[:n], self._first[n:]
        if len(taken) < n:
            taken += await self._source.readexactly(n - len(taken))
        return taken


class _Decrypted:
    """A source that undoes the obfuscation."""

    def __init__(self, source: ByteSource, cipher: CipherContext) -> None:
        self._source = source
        self._cipher = cipher

    async def readexactly(self, n: int, /) -> bytes:
        """The next `n` bytes in the clear."""
        return self._cipher.update(await self._source.readexactly(n))


def _checked(length: int) -> int:
    if not 0 < length <= MAX_PACKET:
        raise TransportError(f"a packet of {length} bytes")
    return length


class FullTransport:
    """Length, sequence number and CRC-32 around every packet."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._sent = 0

    async def read(self) -> bytes:
        """The next packet; a wrong checksum is a `TransportError`."""
        head = await self._source.readexactly(8)
        length = _checked(int.from_bytes(head[:4], "little") - 12)
        body = await self._source.readexactly(length + 4)
        if zlib.crc32(head + body[:-4]) != int.from_bytes(body[-4:], "little"):
            raise TransportError("a packet's checksum is wrong")
        return body[:-4]

    def frame(self, packet: bytes) -> bytes:
        """The packet with its length, number and checksum."""
        framed = struct.pack("<II", len(packet) + 12, self._sent) + packet
        self._sent += 1
        return framed + struct.pack("<I", zlib.crc32(framed))


class AbridgedTransport:
    """One byte of length, or four for long packets."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source

    async def read(self) -> bytes:
        """The next packet; the bit that asks for a quick acknowledgement is ignored."""
        words = (await self._source.readexactly(1))[0] & 0x7F
        if words == 0x7F:  # noqa: PLR2004 - the schema's mark for a long packet
            words = int.from_bytes(await self._source.readexactly(3), "little")
        return await self._source.readexactly(_checked(words * 4))

    def frame(self, packet: bytes) -> bytes:
        """The packet with its length in words of four bytes."""
        words = len(packet) // 4
        if words < 0x7F:  # noqa: PLR2004
            return bytes([words]) + packet
        return b"\x7f" + words.to_bytes(3, "little") + packet


class IntermediateTransport:
    """Four bytes of length; padded packets carry up to 15 bytes more than they need."""

    def __init__(self, source: ByteSource, *, padded: bool) -> None:
        self._source = source
        self._padded = padded

    async def read(self) -> bytes:
        """The next packet with its padding, which whoever decrypts cuts off by the packet's own length."""
        length = int.from_bytes(await self._source.readexactly(4), "little") & ~_QUICK_ACK
        return await self._source.readexactly(_checked(length))

    def frame(self, packet: bytes) -> bytes:
        """The packet with its length; at most 3 bytes of padding, since Telethon cuts off no more."""
        if self._padded:
            packet += os.urandom(os.urandom(1)[0] % 4)
        return struct.pack("<I", len(packet)) + packet


class ObfuscatedTransport:
    """Another transport whose every byte is encrypted with AES-CTR."""

    def __init__(self, inner: Transport, cipher: CipherContext) -> None:
        self._inner = inner
        self._cipher = cipher

    async def read(self) -> bytes:
        """The next packet."""
        return await self._inner.read()

    def frame(self, packet: bytes) -> bytes:
        """The inner transport's frame, encrypted."""
        return self._cipher.update(self._inner.frame(packet))


def _tagged(tag: bytes, source: ByteSource) -> Transport | None:
    if tag == _ABRIDGED_TAG * 4:
        return AbridgedTransport(source)
    if tag in (_INTERMEDIATE_TAG, _PADDED_TAG):
        return IntermediateTransport(source, padded=tag == _PADDED_TAG)
    return None


def _obfuscated(header: bytes, source: ByteSource) -> Transport:
    incoming = Cipher(AES(header[8:40]), CTR(header[40:56])).encryptor()
    tag = incoming.update(header)[56:60]
    reversed_header = header[55:7:-1]
    outgoing = Cipher(AES(reversed_header[:32]), CTR(reversed_header[32:48])).encryptor()
    inner = _tagged(tag, _Decrypted(source, incoming))
    if inner is None:
        raise TransportError(f"no transport is known by the tag {tag.hex()}")
    return ObfuscatedTransport(inner, outgoing)


async def recognise(source: asyncio.StreamReader) -> Transport:
    """Tells from a connection's first bytes which transport the client speaks.

    Raises:
        TransportError: the bytes are no transport of MTProto.
        asyncio.IncompleteReadError: the client went away before it could be told.
    """
    first = await source.readexactly(1)
    if first == _ABRIDGED_TAG:
        return AbridgedTransport(source)
    first += await source.readexactly(3)
    tagged = _tagged(first, source)
    if tagged is not None:
        return tagged
    first += await source.readexactly(4)
    if first[4:] == bytes(4):  # the full transport's packets are numbered from 0
        return FullTransport(_Replayed(first, source))
    return _obfuscated(first + await source.readexactly(_OBFUSCATED_HEADER - 8), source)
