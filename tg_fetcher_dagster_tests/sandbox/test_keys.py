"""Keys: made by either RSA padding, kept over a restart, refused when they are dead."""

import os
from hashlib import sha256

import pytest
from telethon.crypto import AES, rsa
from telethon.errors.common import AuthKeyNotFound
from telethon.tl.functions.help import GetNearestDcRequest

from tg_fetcher_dagster_tests.sandbox.clients import SMALL, client_for, ids_of_busy, signed_in, true_ids
from tg_fetcher_sandbox.errors import SandboxError
from tg_fetcher_sandbox.keys import KeyStore


def encrypt_with_rsa_pad(fingerprint, data, *, use_old=False):
    """RSA_PAD as the official clients do it (https://core.telegram.org/mtproto/auth_key, step 4.1)."""
    key, _old = rsa._server_keys.get(fingerprint, (None, None))
    if key is None:
        return None
    padded = data + os.urandom(192 - len(data))
    while True:
        temporary = os.urandom(32)
        hashed = padded[::-1] + sha256(temporary + padded).digest()
        encrypted = AES.encrypt_ige(hashed, temporary, bytes(32))
        masked = bytes(a ^ b for a, b in zip(temporary, sha256(encrypted).digest(), strict=True))
        number = int.from_bytes(masked + encrypted, "big")
        if number < key.n:
            return pow(number, key.e, key.n).to_bytes(256, "big")


@pytest.mark.parametrize("padding", ["sha1", "rsa_pad"])
async def test_a_client_makes_a_key_with_either_padding(telegram_sandbox, monkeypatch, padding):
    if padding == "rsa_pad":
        monkeypatch.setattr(rsa, "encrypt", encrypt_with_rsa_pad)
    telegram = telegram_sandbox(SMALL)
    client = client_for(telegram)
    await client.connect()
    assert (await client(GetNearestDcRequest())).this_dc == 2
    assert not await client.is_user_authorized()
    await client.disconnect()


async def test_a_restart_with_the_same_keys_goes_on(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    async with signed_in(telegram, connection_retries=10, retry_delay=0.05) as client:
        first = await client.get_messages("busy_group", limit=5)
        telegram.restart()
        again = await client.get_messages("busy_group", limit=5)
    assert [message.id for message in again] == [message.id for message in first]


async def test_another_process_with_the_same_key_file_takes_the_same_sessions(telegram_sandbox, tmp_path):
    path = tmp_path / "keys" / "sandbox.json"
    first = telegram_sandbox(SMALL, keys=KeyStore.open(path))
    session, port = first.session, first.port
    first.stop()
    assert path.stat().st_mode & 0o777 == 0o600
    second = telegram_sandbox(SMALL, keys=KeyStore.open(path), port=port)
    assert second.session == session
    async with signed_in(second) as client:
        assert await ids_of_busy(client) == true_ids(second)


async def test_a_key_that_the_server_does_not_know_is_refused_by_a_transport_error(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    session = telegram.session
    telegram.keys.forget(telegram.keys.of_account("main")[0].key_id)
    client = client_for(telegram, session)
    with pytest.raises(AuthKeyNotFound):
        await client.connect()
    await client.disconnect()


def test_a_file_that_holds_no_keys_is_refused_in_one_line(tmp_path):
    path = tmp_path / "keys.json"
    path.write_text("{}")
    with pytest.raises(SandboxError, match=r"is not a key file of the sandbox"):
        KeyStore.open(path)
