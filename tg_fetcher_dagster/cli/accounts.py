"""`tg-fetcher accounts`: the sessions of this host."""

import asyncio
import sys
from typing import Annotated

import typer

from tg_fetcher_dagster.cli.console import note, say, say_table
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.errors import ErrorType, FetchError

app = typer.Typer(help="The Telegram accounts whose sessions are kept here.", rich_markup_mode=None)


@app.command("list")
def list_accounts() -> None:
    """Show the accounts and whether they can be used."""
    from tg_fetcher_dagster.cli.account_states import account_states

    settings = read_settings()
    states = account_states(settings)
    if not states:
        note(f"no account in {settings.session_dir}: tg-fetcher init, or tg-fetcher accounts import")
        return
    rows = [(each.name, each.display_name or "", each.user_id or "", each.state) for each in states]
    say_table(("account", "name", "user id", "state"), rows)


@app.command("import")
def import_account(
    session_string: Annotated[
        str, typer.Option("--session-string", help="`-`: the StringSession comes from standard input.")
    ],
    name: Annotated[str | None, typer.Option("--name", help="The account's name here [main].")] = None,
) -> None:
    """Keep a StringSession of an account that is signed in; server, port and key come from it."""
    from tg_fetcher_dagster.telegram.login import import_session

    if session_string != "-":
        # An argument is visible to every process of the machine and stays in the shell's history.
        raise FetchError(
            ErrorType.VALIDATION,
            "a session is a secret: give --session-string - and the session on standard input",
        )
    settings = read_settings()
    given = sys.stdin.read().strip()
    if not given:
        raise FetchError(ErrorType.VALIDATION, "no session on standard input: one line is expected")
    kept = asyncio.run(import_session(settings, account=name or settings.telegram_account, session=given))
    say(f"kept: account {kept.name} is {kept.display_name or kept.user_id}")


@app.command("end-wait")
def end_wait(name: Annotated[str, typer.Argument(help="The account's name here.")]) -> None:
    """Forget until when the account rests: the next run asks Telegram again."""
    from tg_fetcher_dagster.accounts.restrictions import Restrictions
    from tg_fetcher_dagster.accounts.store import AccountStore
    from tg_fetcher_dagster.ledger.database import Ledger

    settings = read_settings()
    with Ledger.open(settings.ledger_location) as ledger:
        is_known = Restrictions(ledger, name).forget_floods()
    if not is_known and name not in AccountStore(settings.session_dir).names():
        raise FetchError(ErrorType.NOT_FOUND, f"no account {name!r} in {settings.session_dir}")
    say(f"account {name} rests no more; asking too early makes Telegram's waits grow")


@app.command("remove")
def remove_account(name: Annotated[str, typer.Argument(help="The account's name here.")]) -> None:
    """Forget an account on this host; end its session in the app: Settings, Devices."""
    from tg_fetcher_dagster.accounts.restrictions import Restrictions
    from tg_fetcher_dagster.accounts.store import AccountStore
    from tg_fetcher_dagster.ledger.database import Ledger

    settings = read_settings()
    was_kept = AccountStore(settings.session_dir, settings.session_key).remove(name)
    with Ledger.open(settings.ledger_location) as ledger:
        was_known = Restrictions(ledger, name).forget()
    if not was_kept and not was_known:
        raise FetchError(ErrorType.NOT_FOUND, f"no account {name!r} in {settings.session_dir}")
    say(
        f"forgotten: account {name}; its session stays valid until it is ended in the app (Settings, Devices)"
    )
