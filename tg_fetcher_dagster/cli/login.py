"""`tg-fetcher login`: an account signs in, at Telegram or at the server that TELEGRAM_DC names."""

from typing import Annotated

import typer

from tg_fetcher_dagster.cli.console import say
from tg_fetcher_dagster.cli.signing_in import sign_in
from tg_fetcher_dagster.cli.starting import read_settings

PhoneOption = Annotated[
    str | None, typer.Option("--phone", help="The account's number, such as +12025550123 [TELEGRAM_PHONE].")
]
QrOption = Annotated[
    bool, typer.Option("--qr", help="Scan a QR code with the phone instead of typing a code.")
]
AccountOption = Annotated[
    str | None, typer.Option("--account", help="The account's name here [TELEGRAM_ACCOUNT].")
]


def login(phone: PhoneOption = None, qr: QrOption = False, account: AccountOption = None) -> None:
    """Sign an account in and keep its session, encrypted; an account in quarantine is used again."""
    settings = read_settings()
    kept = sign_in(settings, account=account or settings.telegram_account, phone=phone, qr=qr)
    say(f"signed in: account {kept.name} is {kept.display_name or kept.user_id}")
