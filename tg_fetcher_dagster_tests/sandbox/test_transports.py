"""Every transport that clients use carries a whole read."""

import asyncio
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon.network.connection import (
    ConnectionTcpAbridged,
    ConnectionTcpFull,
    ConnectionTcpIntermediate,
    ConnectionTcpObfuscated,
)
from telethon.network.connection.tcpintermediate import (
    IntermediatePacketCodec,
    RandomizedIntermediatePacketCodec,
)

from tg_fetcher_dagster_tests.sandbox.clients import SMALL, ids_of_busy, signed_in, true_ids
from tg_fetcher_sandbox.transports import (
    AbridgedTransport,
    FullTransport,
    IntermediateTransport,
    TransportError,
    recognise,
)


class TaggedPaddedCodec(RandomizedIntermediatePacketCodec):
    tag = b"\xdd\xdd\xdd\xdd"


class ConnectionTcpPadded(ConnectionTcpIntermediate):
    packet_codec = TaggedPaddedCodec


class ConnectionObfuscatedIntermediate(ConnectionTcpObfuscated):
    packet_codec = IntermediatePacketCodec


class ConnectionObfuscatedPadded(ConnectionTcpObfuscated):
    packet_codec = RandomizedIntermediatePacketCodec


@pytest.mark.parametrize(
    "connection",
    [
        ConnectionTcpFull,
        ConnectionTcpAbridged,
        ConnectionTcpIntermediate,
        ConnectionTcpPadded,
        ConnectionTcpObfuscated,
        ConnectionObfuscatedIntermediate,
        ConnectionObfuscatedPadded,
    ],
)
async def test_a_chat_is_read_whole_over_every_transport(telegram_sandbox, connection):
    telegram = telegram_sandbox(SMALL)
    async with signed_in(telegram, connection=connection) as client:
        assert await ids_of_busy(client) == true_ids(telegram)


def reader_of(*parts):
    reader = asyncio.StreamReader()
    for part in parts:
        reader.feed_data(part)
    reader.feed_eof()
    return reader


@given(packets=st.lists(st.binary(min_size=4, max_size=2000).map(lambda b: b[: len(b) // 4 * 4]), max_size=5))
@pytest.mark.parametrize("kind", [FullTransport, AbridgedTransport, IntermediateTransport])
def test_what_is_framed_is_read_again(kind, packets):
    async def read_again():
        options = {"padded": False} if kind is IntermediateTransport else {}
        writing = kind(reader_of(), **options)
        reading = kind(reader_of(*(writing.frame(packet) for packet in packets)), **options)
        return [await reading.read() for _ in packets]

    assert asyncio.run(read_again()) == packets


async def test_bytes_that_are_no_transport_are_refused():
    with pytest.raises(TransportError, match="no transport"):
        await recognise(reader_of(b"GET / HTTP/1.1\r\n" + bytes(80)))


async def test_a_wrong_checksum_is_refused():
    framed = bytearray(FullTransport(reader_of()).frame(os.urandom(32)))
    framed[12] ^= 1
    with pytest.raises(TransportError, match="checksum"):
        await FullTransport(reader_of(bytes(framed))).read()


async def test_a_length_beyond_all_reason_is_refused():
    with pytest.raises(TransportError, match="bytes"):
        await IntermediateTransport(reader_of(b"\xff\xff\xff\x7f"), padded=False).read()


async def test_a_client_that_sends_garbage_does_not_harm_the_others(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    for garbage in (
        b"GET / HTTP/1.1\r\n" + bytes(80),
        b"\xef\x01abcd",
        b"\xee\xee\xee\xee\x04\x00\x00\x00abcd",
    ):
        reader, writer = await asyncio.open_connection(telegram.host, telegram.port)
        writer.write(garbage)
        writer.write_eof()
        await reader.read()
        writer.close()
        await writer.wait_closed()
    async with signed_in(telegram) as client:
        assert len(await ids_of_busy(client)) == len(true_ids(telegram))
