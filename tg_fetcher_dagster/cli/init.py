"""`tg-fetcher init`: from nothing to a real account whose chats are fetched, in ten minutes."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.asking import ask, ask_secret, confirm
from tg_fetcher_dagster.cli.chats import add
from tg_fetcher_dagster.cli.console import complain, note, say, say_table
from tg_fetcher_dagster.cli.login import AccountOption, PhoneOption, QrOption
from tg_fetcher_dagster.cli.signing_in import sign_in
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.errors import FetchError

if TYPE_CHECKING:
    from tg_fetcher_dagster.cli.dialogs import Dialog
    from tg_fetcher_dagster.settings import Settings

API_ID = """\
1. The api id. Telegram gives every program's owner a pair of numbers of his own:
   open https://my.telegram.org, sign in with your phone number, choose "API development tools" and fill
   in any title and short name. The page then shows "App api_id" and "App api_hash".
   If it only answers "ERROR", try without a VPN: a known fault of that page."""

NEW_ACCOUNTS = """\
2. The account. Use one that is in use for a while already: Telegram bans accounts that were made yesterday
   and read at once, and a virtual number is banned sooner than a SIM card. Reading is paced (see
   RATE_LIMIT_CALLS_PER_SEC), one process at a time uses the account, and it is never used to write.
   You may end its session at any time in the app: Settings, Devices."""

CHATS = "3. The chats. These are the ones that the account can see:"

OFFERED = 40
"""Dialogs that are listed; the others are reached by name."""


def init(
    api_id: Annotated[int | None, typer.Option("--api-id", help="From my.telegram.org.")] = None,
    api_hash: Annotated[
        str | None, typer.Option("--api-hash", help="From the same page; `-` asks for it without an echo.")
    ] = None,
    phone: PhoneOption = None,
    qr: QrOption = False,
    account: AccountOption = None,
    chat: Annotated[
        list[str] | None, typer.Option("--chat", help="A chat to keep; may be given several times.")
    ] = None,
) -> None:
    """Set up a real account step by step: api id, sign-in, chats. Asks only for what is not given."""
    _api_id(api_id, api_hash)
    settings = read_settings(**({"telegram_account": account} if account else {}))
    _account(settings, phone=phone, qr=qr)
    failed = _chats(settings, chat)
    _next(settings)
    if failed:
        raise typer.Exit(1)


def _api_id(api_id: int | None, api_hash: str | None) -> None:
    """Step 1: the api id and hash stand in `.env` afterwards."""
    from tg_fetcher_dagster.cli.env_file import env_file, write_settings

    settings = read_settings()
    known = settings.telegram_api_id is not None and settings.telegram_api_hash is not None
    if api_id is None and api_hash is None and (known or settings.telegram_dc is not None):
        return
    if api_id is None and settings.telegram_api_id is None:
        say(API_ID)
    given_id = str(api_id or settings.telegram_api_id or ask("   App api_id", option="--api-id"))
    given_hash = api_hash if api_hash != "-" else None
    if given_hash is None and settings.telegram_api_hash is not None and api_hash is None:
        given_hash = settings.telegram_api_hash.get_secret_value()
    given_hash = given_hash or ask_secret("   App api_hash (not shown)", option="--api-hash")
    checked = read_settings(telegram_api_id=given_id, telegram_api_hash=given_hash)
    write_settings(
        env_file(),
        {"TELEGRAM_API_ID": str(checked.telegram_api_id), "TELEGRAM_API_HASH": given_hash},
    )
    say(f"   kept in {env_file()}, readable for you only")


def _account(settings: "Settings", *, phone: str | None, qr: bool) -> None:
    """Step 2: an account that is signed in."""
    from tg_fetcher_dagster.accounts.store import AccountStore

    name = settings.telegram_account
    try:
        known = AccountStore(settings.session_dir, settings.session_key).load(name)
    except FetchError:
        known = None
    if known is not None:
        say(f"   account {name} is signed in already: {known.display_name or known.user_id}")
        return
    say(NEW_ACCOUNTS)
    by_qr = qr or (phone is None and settings.telegram_phone is None and _wants_qr())
    kept = sign_in(settings, account=name, phone=phone, qr=by_qr)
    say(f"   signed in: account {kept.name} is {kept.display_name or kept.user_id}")


def _wants_qr() -> bool:
    # A script that gives no number is asked for it by its option's name; the choice is for people.
    return sys.stdin.isatty() and confirm("   Sign in with a QR code", default=False)


def _chats(settings: "Settings", chosen: list[str] | None) -> int:
    """Step 3: some chats to keep; returns how many of them could not be."""
    if not chosen:
        from tg_fetcher_dagster.cli.dialogs import dialogs_of_account

        offered = dialogs_of_account(settings)[:OFFERED]
        if offered:
            say(CHATS)
            _offer(offered)
        line = ask(
            "   Which to keep: numbers or names with commas between, or nothing", option="--chat", default=""
        )
        chosen = chosen_of(line, offered)
    return add(settings, chosen) if chosen else 0


def chosen_of(line: str, offered: "list[Dialog]") -> list[str]:
    """Returns the chats that a line names, by their numbers in the list or by name."""
    chosen = []
    for part in (part.strip() for part in line.split(",")):
        if part.isdecimal() and 1 <= int(part) <= len(offered):
            chosen.append(str(offered[int(part) - 1].chat.marked_id))
        elif part.isdecimal() and len(part) <= len(str(OFFERED)):
            complain(f"there is no chat number {part} in the list")
        elif part:
            chosen.append(part)
    return chosen


def _offer(offered: "list[Dialog]") -> None:
    rows = [
        (
            number,
            each.chat.title,
            each.chat.type,
            f"@{each.chat.username}" if each.chat.username else each.chat.marked_id,
            each.state,
        )
        for number, each in enumerate(offered, start=1)
    ]
    say_table(("", "title", "type", "name or id", ""), rows)


def _next(settings: "Settings") -> None:
    from tg_fetcher_dagster.chats.identity_table import open_identities

    with open_identities(settings) as identities:
        known = identities.all()
    chat = known[0].key if known else "CHAT"
    if not known:
        note("No chat is kept yet: tg-fetcher chats list --all, then tg-fetcher chats add CHAT")
    say("Ready. Next:")
    say(f"  tg-fetcher fetch {chat} --yesterday --direct    fetch a day now, without Redis and daemon")
    say(f"  ls {settings.data_dir}/{chat}    the files")
    say("  make dev    Dagster's UI and daemon: the daily schedule, backfills, commands from Redis")
