"""Signing an account in with a person at the terminal."""

import asyncio
from typing import TYPE_CHECKING

from tg_fetcher_dagster.cli.asking import ask, ask_secret
from tg_fetcher_dagster.cli.console import note, say

if TYPE_CHECKING:
    from tg_fetcher_dagster.accounts.store import StoredAccount
    from tg_fetcher_dagster.settings import Settings


def sign_in(settings: "Settings", *, account: str, phone: str | None, qr: bool) -> "StoredAccount":
    """Signs in with the code that Telegram sends, or by a QR code, and keeps the session.

    Args:
        settings: with the api id, and the 2FA password where it is kept there.
        account: the account's name in SESSION_DIR.
        phone: asked for where it is not given.
        qr: by a QR code, which needs no phone number.

    Raises:
        FetchError: Telegram's no, a wrong answer, or nobody to answer.
    """
    from tg_fetcher_dagster.telegram.login import sign_in_with_code, sign_in_with_qr

    passwords = _Passwords(settings)
    if qr:
        return asyncio.run(
            sign_in_with_qr(settings, account=account, show_qr=_show_qr, ask_password=passwords)
        )
    number = phone or settings.telegram_phone or ask("Phone number, with + and country", option="--phone")
    number = _phone(number)
    note("Telegram sends a code to your other devices (or by SMS).")
    return asyncio.run(
        sign_in_with_code(settings, account=account, phone=number, ask_code=_code, ask_password=passwords)
    )


def _phone(given: str) -> str:
    """The number as the setting TELEGRAM_PHONE allows it; spaces and dashes are how people write."""
    from tg_fetcher_dagster.settings import Settings

    plain = "".join(sign for sign in given if sign not in " -()")
    return Settings.read(telegram_phone=plain).telegram_phone or plain


def _code(wrong: str) -> str:
    if wrong:
        note(wrong)
    return ask("Code", option="the code on standard input")


class _Passwords:
    """Gives TELEGRAM_PASSWORD first, and asks where it is not set or not right."""

    def __init__(self, settings: "Settings") -> None:
        self._kept = settings.telegram_password

    def __call__(self, wrong: str) -> str:
        if wrong:
            note(wrong)
        kept, self._kept = self._kept, None
        if kept is not None:
            return kept.get_secret_value()
        return ask_secret("2FA password", option="TELEGRAM_PASSWORD")


def _show_qr(link: str) -> None:
    import sys

    from qrcode import QRCode

    code = QRCode(border=1)
    code.add_data(link)
    say("Scan this with Telegram on your phone: Settings, Devices, Link Desktop Device.")
    code.print_ascii(out=sys.stdout, invert=True)
    say(link)
    sys.stdout.flush()
