"""Single steps of the protocol that no well-behaved client takes, or only rarely."""

import os
import struct

import pytest
from telethon.tl import functions, types

from tg_fetcher_dagster_tests.sandbox.clients import SMALL, client_for
from tg_fetcher_sandbox.handshake import HandshakeError, KeyExchange
from tg_fetcher_sandbox.keys import AuthKey, KeyStore
from tg_fetcher_sandbox.service_messages import answer_service_message
from tg_fetcher_sandbox.sessions import DecryptionError, Message, Session, decrypt


@pytest.fixture
def keys(telegram_server_key):
    return KeyStore(telegram_server_key)


def asked_for_pq(exchange):
    return exchange.answer(bytes(functions.ReqPqRequest(nonce=7)))


def server_nonce(answer):
    return int.from_bytes(answer[20:36], "little", signed=True)


def test_a_key_exchange_cannot_start_in_the_middle(keys):
    exchange = KeyExchange(keys)
    with pytest.raises(HandshakeError, match="nonces"):
        exchange.answer(bytes(functions.SetClientDHParamsRequest(1, 2, b"\0" * 16)))
    nonce = server_nonce(asked_for_pq(exchange))
    with pytest.raises(HandshakeError, match="next step"):
        exchange.answer(bytes(functions.SetClientDHParamsRequest(7, nonce, bytes(16))))


def test_inner_data_that_no_padding_opens_is_refused(keys):
    exchange = KeyExchange(keys)
    nonce = server_nonce(asked_for_pq(exchange))
    request = functions.ReqDHParamsRequest(
        7, nonce, b"p", b"q", keys.server_key.fingerprint, b"\x01" + os.urandom(255)
    )
    with pytest.raises(HandshakeError):
        exchange.answer(bytes(request))


@pytest.mark.parametrize("body", [b"", b"\0" * 4, bytes(functions.help.GetNearestDcRequest())])
def test_what_is_no_step_of_a_key_exchange_is_refused(keys, body):
    with pytest.raises(HandshakeError):
        KeyExchange(keys).answer(body)


@pytest.mark.parametrize("size", [8, 24, 40, 88, 91])
def test_a_packet_that_the_key_did_not_encrypt_is_refused(size):
    with pytest.raises(DecryptionError):
        decrypt(AuthKey(bytes(256)), os.urandom(size))


def service(keys, body):
    return answer_service_message(Message(4, 1, body), keys=keys, session=Session(AuthKey(bytes(256)), 1, 99))


def test_states_of_messages_are_told_one_byte_each(keys):
    (told,) = service(keys, bytes(types.MsgsStateReq(msg_ids=[1, 2, 3])))
    assert told == bytes(types.MsgsStateInfo(req_msg_id=4, info=b"\x04\x04\x04"))
    assert service(keys, bytes(types.MsgsAck(msg_ids=[1]))) == []


def test_a_future_salt_is_the_one_of_now(keys):
    (told,) = service(keys, bytes(functions.GetFutureSaltsRequest(num=8)))
    constructor, msg_id, _now, count = struct.unpack_from("<Iqii", told)
    assert (constructor, msg_id, count) == (0xAE500895, 4, 1)
    assert told[-8:] == struct.pack("<q", 99)


def test_sessions_answers_and_keys_can_be_dropped(keys):
    dropped = service(keys, bytes(functions.DestroySessionRequest(session_id=5)))
    assert dropped == [bytes(types.DestroySessionOk(session_id=5))]
    (answer,) = service(keys, bytes(functions.RpcDropAnswerRequest(req_msg_id=8)))
    assert answer[4:12] == struct.pack("<q", 4)
    key = keys.add(bytes(256))
    service(keys, bytes(functions.DestroyAuthKeyRequest()))
    assert keys.get(key.key_id) is None


async def test_a_code_can_be_sent_again_and_taken_back(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    client = client_for(telegram)
    await client.connect()
    sent = await client.send_code_request("+15550001004")
    again = await client(functions.auth.ResendCodeRequest("+15550001004", sent.phone_code_hash))
    assert again.phone_code_hash != sent.phone_code_hash
    assert await client(functions.auth.CancelCodeRequest("+15550001004", again.phone_code_hash))
    await client.disconnect()


async def test_a_fault_of_the_sandbox_itself_is_told_to_client_and_log(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    client = client_for(telegram, telegram.session)
    await client.connect()
    telegram.world.chats.clear()
    telegram.world.by_peer = None
    request = functions.channels.GetChannelsRequest([types.InputChannel(1, 1)])
    answered = client._sender.send(request)
    with pytest.raises(Exception, match="INTERNAL"):
        await answered
    assert telegram.requests[-1]["error"].startswith("INTERNAL: ")
    await client.disconnect()
