"""Signing in as a person does: phone and code, 2FA, QR."""

import asyncio

import pytest
from telethon.errors import (
    AuthTokenInvalidError,
    PasswordHashInvalidError,
    PhoneCodeExpiredError,
    PhoneCodeInvalidError,
    PhoneNumberInvalidError,
    PhoneNumberUnoccupiedError,
    SessionPasswordNeededError,
)
from telethon.tl.functions.auth import AcceptLoginTokenRequest

from tg_fetcher_dagster_tests.sandbox.clients import SMALL, client_for, ids_of_busy, signed_in, true_ids
from tg_fetcher_dagster_tests.waiting import PATIENCE


@pytest.fixture
def telegram(telegram_sandbox):
    return telegram_sandbox(SMALL)


@pytest.fixture
async def client(telegram):
    client = client_for(telegram, receive_updates=True)
    await client.connect()
    yield client
    await client.disconnect()


async def test_phone_and_code_sign_in(telegram, client):
    await client.send_code_request("+15550001004")
    me = await client.sign_in("+15550001004", "11111")
    assert me.id == telegram.world.account("fresh").user_id
    assert await ids_of_busy(client) == true_ids(telegram)


async def test_a_wrong_code_and_a_code_that_was_never_sent_are_refused(telegram, client):
    with pytest.raises(PhoneCodeExpiredError):
        await client.sign_in("+15550001004", "11111", phone_code_hash="00")
    await client.send_code_request("+15550001004")
    with pytest.raises(PhoneCodeInvalidError):
        await client.sign_in("+15550001004", "22222")


async def test_a_number_without_an_account_is_told_to_register(telegram, client):
    await client.send_code_request("+15559999999")
    with pytest.raises(PhoneNumberUnoccupiedError):
        await client.sign_in("+15559999999", "12345")


async def test_a_phone_without_digits_is_refused(telegram, client):
    from telethon.tl.functions.auth import SendCodeRequest
    from telethon.tl.types import CodeSettings

    with pytest.raises(PhoneNumberInvalidError):
        await client(SendCodeRequest("abc", 1, "0", CodeSettings()))


async def test_2fa_takes_the_password_and_nothing_else(telegram, client):
    await client.send_code_request("+15550001003")
    with pytest.raises(SessionPasswordNeededError):
        await client.sign_in("+15550001003", "54321")
    assert not await client.is_user_authorized()
    with pytest.raises(PasswordHashInvalidError):
        await client.sign_in(password="wrong")
    me = await client.sign_in(password="пароль")
    assert me.id == telegram.world.account("locked").user_id


async def test_a_key_that_logs_out_is_nobody_again(telegram, client):
    await client.send_code_request("+15550001004")
    await client.sign_in("+15550001004", "11111")
    session = client.session.save()
    await client.log_out()
    again = client_for(telegram, session)
    await again.connect()
    assert not await again.is_user_authorized()
    await again.disconnect()


@pytest.mark.parametrize("account", ["main", "locked"])
async def test_a_qr_code_that_is_scanned_signs_in(telegram, client, account):
    shown = await client.qr_login()
    if account == "locked":  # the scanning app is signed in as the account with a password
        telegram.keys.bind(telegram.keys.ready_key("second").key_id, "locked")
        scanner = client_for(telegram, telegram_session_of(telegram, "locked"))
        await scanner.connect()
    else:
        scanner = client_for(telegram, telegram.session)
        await scanner.connect()
    waiting = asyncio.create_task(shown.wait(PATIENCE))
    await asyncio.sleep(0)
    await scanner(AcceptLoginTokenRequest(shown.token))
    if account == "locked":
        with pytest.raises(SessionPasswordNeededError):
            await waiting
        me = await client.sign_in(password="пароль")
    else:
        me = await waiting
    assert me.id == telegram.world.account(account).user_id
    await scanner.disconnect()


def telegram_session_of(telegram, account):
    from telethon.crypto import AuthKey
    from telethon.sessions import StringSession

    session = StringSession()
    session.set_dc(2, telegram.host, telegram.port)
    session.auth_key = AuthKey(telegram.keys.of_account(account)[0].key)
    return session.save()


async def test_a_token_that_was_never_shown_is_refused(telegram):
    async with signed_in(telegram) as scanner:
        with pytest.raises(AuthTokenInvalidError):
            await scanner(AcceptLoginTokenRequest(b"no such token"))
