"""Signing in to a server of our own: code, 2FA, QR, and a session that somebody brings along."""

import asyncio
import base64
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from telethon import TelegramClient
from telethon.extensions import BinaryReader
from telethon.sessions import StringSession
from telethon.tl.functions.auth import AcceptLoginTokenRequest
from telethon.tl.types import DcOption

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.client import CountedClient
from tg_fetcher_dagster.telegram.login import import_session, sign_in_with_code, sign_in_with_qr
from tg_fetcher_dagster.telegram.open_reader import open_reader


@pytest.fixture
def door(sandbox: Any, settings: Settings, tmp_path: Path) -> Settings:
    """Settings that lead to the sandbox without a session."""
    key = tmp_path / "server.pem"
    key.write_text(sandbox.public_key)
    return settings.model_copy(
        update={"telegram_dc": f"2:localhost:{sandbox.port}", "telegram_dc_public_key": key}
    )


def answers(*said: str) -> Any:
    left = list(said)
    heard: list[str] = []

    def ask(hint: str) -> str:
        heard.append(hint)
        return left.pop(0)

    ask.heard = heard  # type: ignore[attr-defined]
    return ask


def never(hint: str) -> str:
    pytest.fail("nobody asked for this")


def with_data_centre_4(answer: Any, _request: Any) -> Any:
    here = answer.dc_options[0]
    answer.dc_options = [here, DcOption(id=4, ip_address=here.ip_address, port=here.port)]
    return answer


async def works(settings: Settings, account: str) -> int | None:
    async with open_reader(settings, account=account) as reader:
        return reader.user_id


async def test_a_phone_and_a_code_sign_in(sandbox: Any, door: Settings) -> None:
    kept = await sign_in_with_code(
        door, account="main", phone="+15550001001", ask_code=answers("12345"), ask_password=never
    )

    assert kept.name == "main"
    assert await works(door, "main") == kept.user_id


async def test_a_wrong_code_may_be_typed_again(sandbox: Any, door: Settings) -> None:
    code = answers("99999", " 12345 ")

    await sign_in_with_code(door, account="main", phone="+15550001001", ask_code=code, ask_password=never)

    assert code.heard == ["", "sign-in: the code is wrong (PHONE_CODE_INVALID)"]


async def test_three_wrong_codes_are_enough(sandbox: Any, door: Settings) -> None:
    with pytest.raises(FetchError, match="the code is wrong") as failure:
        await sign_in_with_code(
            door, account="main", phone="+15550001001", ask_code=answers("1", "2", "3"), ask_password=never
        )
    assert failure.value.error_type is ErrorType.VALIDATION
    assert AccountStore(door.session_dir).names() == []


async def test_an_account_with_2fa_asks_for_the_password_too(sandbox: Any, door: Settings) -> None:
    password = answers("wrong", "corr3ct horse")

    async def code(hint: str) -> str:
        return "54321"

    kept = await sign_in_with_code(
        door, account="guarded", phone="+15550001002", ask_code=code, ask_password=password
    )

    assert password.heard == ["", "sign-in: the 2FA password is wrong (PASSWORD_HASH_INVALID)"]
    assert await works(door, "guarded") == kept.user_id


async def test_a_connection_that_is_lost_while_a_code_is_typed_is_made_again(
    sandbox: Any, door: Settings
) -> None:
    async def typed(answer: str) -> str:
        sandbox.restart()
        for _ in range(100):  # the loop hears of it, as it does while somebody types
            await asyncio.sleep(0)
        return answer

    def code(hint: str) -> Any:
        return typed("54321")

    def password(hint: str) -> Any:
        return typed("corr3ct horse")

    kept = await sign_in_with_code(
        door, account="guarded", phone="+15550001002", ask_code=code, ask_password=password
    )

    assert await works(door, "guarded") == kept.user_id


@pytest.mark.parametrize("where", ["PHONE_MIGRATE_4", "NETWORK_MIGRATE_4"])
async def test_a_number_that_belongs_to_another_data_centre_signs_in_there(
    sandbox: Any, door: Settings, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(CountedClient, "_config", None)
    sandbox.rewrite("help.getConfig", with_data_centre_4)
    sandbox.add_fault(method="auth.sendCode", error=where, code=303, times=1)

    kept = await sign_in_with_code(
        door, account="main", phone="+15550001001", ask_code=answers("12345"), ask_password=never
    )

    assert StringSession(kept.session.get_secret_value()).dc_id == 4
    assert await works(door, "main") == kept.user_id


async def test_a_bots_session_is_not_kept(sandbox: Any, settings: Settings) -> None:
    def as_a_bot(answer: Any, _request: Any) -> Any:
        me = BinaryReader(bytes(answer[0])).tgread_object()
        me.bot, me.bot_info_version = True, 1
        return [me]

    sandbox.rewrite("users.getUsers", as_a_bot)
    with pytest.raises(FetchError, match="bots may not read") as failure:
        await import_session(settings, account="main", session=sandbox.session)
    assert failure.value.error_type is ErrorType.VALIDATION
    assert AccountStore(settings.session_dir).names() == []


async def test_a_number_without_an_account_is_told_to_sign_up(sandbox: Any, door: Settings) -> None:
    with pytest.raises(FetchError, match="sign up in the Telegram app") as failure:
        await sign_in_with_code(
            door, account="main", phone="+19998887766", ask_code=answers("12345"), ask_password=never
        )
    assert failure.value.error_type is ErrorType.VALIDATION


async def scan(sandbox: Any, account: str, url: str) -> None:
    """What a phone does that is signed in already."""
    token = parse_qs(urlsplit(url).query)["token"][0]
    phone = TelegramClient(StringSession(sandbox.sessions[account]), 1, "x", receive_updates=False)
    await phone.connect()
    await phone(AcceptLoginTokenRequest(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))))
    await phone.disconnect()


@pytest.mark.parametrize(("account", "password"), [("main", never), ("guarded", answers("corr3ct horse"))])
async def test_a_scanned_qr_code_signs_in(sandbox: Any, door: Settings, account: str, password: Any) -> None:
    scans = []

    def show(url: str) -> None:
        assert url.startswith("tg://login?token=")
        scans.append(asyncio.create_task(scan(sandbox, account, url)))

    kept = await sign_in_with_qr(door, account=account, show_qr=show, ask_password=password)
    await asyncio.gather(*scans)

    assert await works(door, account) == kept.user_id


async def test_a_session_that_is_brought_along_is_kept_once_it_works(
    sandbox: Any, settings: Settings
) -> None:
    kept = await import_session(settings, account="main", session=f" {sandbox.session}\n")

    assert kept.user_id is not None
    assert kept.display_name
    assert await works(settings, "main") == kept.user_id


async def test_a_session_that_does_not_work_is_not_kept(sandbox: Any, settings: Settings) -> None:
    sandbox.add_fault(error="AUTH_KEY_UNREGISTERED")

    with pytest.raises(FetchError, match="signed out") as failure:
        await import_session(settings, account="main", session=sandbox.session)
    assert failure.value.error_type is ErrorType.AUTH
    assert AccountStore(settings.session_dir).names() == []


@pytest.mark.parametrize("text", ["", "1", "hello", "1" + "A" * 352, "2" + "A" * 352, "1" + "я" * 352])
async def test_what_is_no_session_is_refused_without_being_shown(settings: Settings, text: str) -> None:
    with pytest.raises(FetchError, match="no StringSession") as failure:
        await import_session(settings, account="main", session=text)
    assert failure.value.error_type is ErrorType.VALIDATION
    assert len(text) < 2 or text not in failure.value.message


async def test_a_key_file_that_is_none_is_named(sandbox: Any, door: Settings, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    for settings in (door.model_copy(update={"telegram_dc_public_key": path}) for path in (wrong, tmp_path)):
        with pytest.raises(FetchError, match="TELEGRAM_DC_PUBLIC_KEY") as failure:
            await sign_in_with_code(settings, account="a", phone="+1", ask_code=never, ask_password=never)
        assert failure.value.error_type is ErrorType.VALIDATION
    wrong.write_text("no key")
    with pytest.raises(FetchError, match="must be a PEM file"):
        await sign_in_with_code(
            door.model_copy(update={"telegram_dc_public_key": wrong}),
            account="a", phone="+1", ask_code=never, ask_password=never,
        )  # fmt: skip


async def test_a_server_that_is_not_there_is_one_line(settings: Settings) -> None:
    away = settings.model_copy(update={"telegram_dc": "2:127.0.0.1:1"})

    with pytest.raises(FetchError, match=r"Telegram at 127\.0\.0\.1:1: the connection failed") as failure:
        await sign_in_with_code(away, account="a", phone="+15550001001", ask_code=never, ask_password=never)
    assert failure.value.error_type is ErrorType.NETWORK
