"""An independent MTProto client (kurigram) signs in and reads: not only Telethon is served."""

import pyrogram
import pytest
from pyrogram.connection import Connection
from pyrogram.connection.transport import TCPAbridged, TCPFull, TCPIntermediate
from pyrogram.crypto import rsa as pyrogram_rsa

from tg_fetcher_dagster_tests.sandbox.clients import SMALL, true_ids


def second_client(telegram, server_key, monkeypatch, **options):
    """A kurigram client that goes to the sandbox instead of Telegram and trusts its key."""
    numbers = server_key._private_key.public_key().public_numbers()
    monkeypatch.setitem(
        pyrogram_rsa.server_public_keys,
        server_key.fingerprint,
        pyrogram_rsa.PublicKey(numbers.n, numbers.e),
    )

    class ToTheSandbox(Connection):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.server_address, self.port = telegram.host, telegram.port

    return pyrogram.Client(
        "sandbox",
        api_id=1,
        api_hash="0" * 32,
        in_memory=True,
        no_updates=True,
        connection_factory=ToTheSandbox,
        **options,
    )


@pytest.mark.parametrize("transport", [TCPAbridged, TCPFull, TCPIntermediate])
async def test_kurigram_signs_in_by_code_and_reads_a_whole_chat(
    telegram_sandbox, telegram_server_key, monkeypatch, transport
):
    telegram = telegram_sandbox(SMALL)
    client = second_client(telegram, telegram_server_key, monkeypatch, protocol_factory=transport)
    await client.connect()
    try:
        sent = await client.send_code("+15550001004")
        me = await client.sign_in("+15550001004", sent.phone_code_hash, "11111")
        read = [message async for message in client.get_chat_history("busy_group")]
    finally:
        await client.disconnect()
    assert me.id == telegram.world.account("fresh").user_id
    assert [message.id for message in read] == true_ids(telegram)


async def test_kurigram_proves_the_2fa_password(telegram_sandbox, telegram_server_key, monkeypatch):
    telegram = telegram_sandbox(SMALL)
    client = second_client(telegram, telegram_server_key, monkeypatch)
    await client.connect()
    try:
        sent = await client.send_code("+15550001003")
        with pytest.raises(pyrogram.errors.SessionPasswordNeeded):
            await client.sign_in("+15550001003", sent.phone_code_hash, "54321")
        me = await client.check_password("пароль")
    finally:
        await client.disconnect()
    assert me.id == telegram.world.account("locked").user_id
