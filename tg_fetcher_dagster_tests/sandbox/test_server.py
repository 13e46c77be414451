"""The encrypted session as clients meet it: salts, containers, zipped bodies, service messages, the log."""

import asyncio
import json
import logging
import struct

import pytest
from telethon.errors import BadRequestError, RPCError
from telethon.network.mtprotostate import MTProtoState
from telethon.tl import TLRequest, functions, types
from telethon.tl.functions.messages import GetHistoryRequest

from tg_fetcher_dagster_tests.sandbox.clients import SMALL, client_for, ids_of_busy, signed_in, true_ids
from tg_fetcher_sandbox.keys import AuthKey
from tg_fetcher_sandbox.sessions import Message, Session, decrypt, id_fault, rpc_result, unpack


class UnknownRequest(TLRequest):
    """A method of a layer to come."""

    CONSTRUCTOR_ID = 0x0BADC0DE
    SUBCLASS_OF_ID = 0

    def _bytes(self):
        return self.CONSTRUCTOR_ID.to_bytes(4, "little")


async def test_a_method_that_is_not_modelled_is_refused_by_name(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    async with signed_in(telegram) as client:
        with pytest.raises(BadRequestError, match="METHOD_NOT_SUPPORTED"):
            await client(functions.payments.GetStarsStatusRequest(peer=types.InputPeerSelf()))
    assert telegram.requests[-1]["error"] == "METHOD_NOT_SUPPORTED"


async def test_an_unknown_constructor_does_not_lose_the_requests_beside_it(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    async with signed_in(telegram) as client:
        # Requests that are sent at once travel in one container.
        answers = await asyncio.gather(
            client(functions.help.GetNearestDcRequest()),
            client(UnknownRequest()),
            client(functions.help.GetNearestDcRequest()),
            return_exceptions=True,
        )
    assert answers[0].this_dc == answers[2].this_dc == 2
    assert isinstance(answers[1], RPCError)
    assert "INPUT_METHOD_INVALID" in str(answers[1])


async def test_many_requests_at_once_are_all_answered(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    async with signed_in(telegram) as client:
        peer = await client.get_input_entity("busy_group")
        pages = await asyncio.gather(
            *(client(GetHistoryRequest(peer, 0, None, 0, limit, 0, 0, 0)) for limit in range(1, 61))
        )
    assert [len(page.messages) for page in pages] == list(range(1, 61))


async def test_a_long_request_arrives_zipped(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    newest = true_ids(telegram)[0]
    async with signed_in(telegram) as client:
        # 1,000 equal ids are 4 KB, which the client zips.
        found = await client(
            functions.channels.GetMessagesRequest(
                await client.get_input_entity("busy_group"), [types.InputMessageID(newest)] * 100
            )
        )
    assert {message.id for message in found.messages} == {newest}


async def test_services_of_the_protocol_are_answered(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    async with signed_in(telegram, receive_updates=True) as client:
        assert (await client(functions.PingRequest(ping_id=77))).ping_id == 77
        assert (await client(functions.PingDelayDisconnectRequest(78, 60))).ping_id == 78
        assert await client(functions.help.GetAppConfigRequest(hash=0))
        assert isinstance(
            await client(functions.help.GetAppConfigRequest(hash=1)), types.help.AppConfigNotModified
        )
        assert isinstance(await client(functions.help.GetCdnConfigRequest()), types.CdnConfig)
        assert await client(functions.help.GetTermsOfServiceUpdateRequest())
        assert (await client(functions.langpack.GetLangPackRequest("tdesktop", "en"))).strings == []
        config = await client(functions.help.GetConfigRequest())
    assert [(option.ip_address, option.port) for option in config.dc_options] == [
        (telegram.host, telegram.port)
    ]


async def test_a_client_whose_clock_is_wrong_is_told_so_and_goes_on(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    client = client_for(telegram, telegram.session)
    client._sender._state.time_offset = -4000
    await client.connect()
    assert len(await ids_of_busy(client)) == len(true_ids(telegram))
    assert abs(client._sender._state.time_offset) < 600  # it was 4,000
    await client.disconnect()


async def test_nobody_reads_before_signing_in(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    client = client_for(telegram)
    await client.connect()
    assert await client.get_me() is None
    await client.disconnect()
    assert telegram.requests[-1]["account"] is None


async def test_the_request_log_tells_what_was_asked(telegram_sandbox, tmp_path):
    path = tmp_path / "requests.jsonl"
    telegram = telegram_sandbox(SMALL, requests=path)
    async with signed_in(telegram, "second") as client:
        await ids_of_busy(client)
        peer = await client.get_input_entity("busy_group")
        await client(functions.InvokeWithTakeoutRequest(9, GetHistoryRequest(peer, 0, None, 0, 1, 0, 0, 0)))
    telegram.stop()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == telegram.requests
    pages = [line for line in lines if line["method"] == "messages.getHistory"]
    assert [line["takeout"] for line in pages] == [False] * (len(pages) - 1) + [True]
    assert {line["account"] for line in pages} == {"second"}
    assert pages[0]["arguments"]["limit"] == 100
    assert pages[0]["error"] is None
    assert telegram.count("messages.getHistory") == len(pages)


def test_bodies_share_a_container_and_long_results_are_zipped():
    key = AuthKey(bytes(range(256)))
    session = Session(key, 5, 6)
    pong = bytes(types.Pong(1, 2))
    packet = session.packet([pong, pong], response=True)
    client = MTProtoState(type("Key", (), {"key": key.key, "key_id": key.key_id})(), _NoLoggers())
    client.id = 5
    received = client.decrypt_message_data(packet)
    assert [message.obj.ping_id for message in received.obj.messages] == [2, 2]
    assert len(rpc_result(1, bytes(10_000))) < 200


def test_a_client_packet_is_opened_and_its_container_cut_by_hand():
    key = AuthKey(bytes(range(256)))
    client = MTProtoState(type("Key", (), {"key": key.key, "key_id": key.key_id})(), _NoLoggers())
    client.salt, client.id = 3, 4
    body = bytes(types.MsgsAck([1]))
    opened = decrypt(key, client.encrypt_message_data(_message(8, 1, body)))
    assert (opened.salt, opened.session_id) == (3, 4)
    assert list(unpack(opened.message)) == [Message(8, 1, body)]
    with pytest.raises(ValueError, match="too short"):
        list(unpack(Message(8, 1, 0x73F1F8DC.to_bytes(4, "little") + (2).to_bytes(4, "little") + bytes(4))))


@pytest.mark.parametrize(
    ("seconds_from_now", "low_bits", "code"), [(0, 0, None), (-301, 0, 16), (31, 0, 17), (0, 1, 18)]
)
def test_a_message_id_outside_its_time_is_a_fault(seconds_from_now, low_bits, code):
    now = 1_762_500_000
    assert id_fault((now + seconds_from_now) << 32 | low_bits, float(now)) == code


class _NoLoggers(dict):
    def __missing__(self, name):
        return logging.getLogger(name)


def _message(msg_id, seqno, body):
    return struct.pack("<qii", msg_id, seqno, len(body)) + body
