"""`tg-fetcher cancel`: what was asked for by mistake ends, and the runs that are under way for it, too."""

from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.asking import confirm
from tg_fetcher_dagster.cli.console import note, say
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.cli.usage import WrongUse
from tg_fetcher_dagster.errors import ErrorType, FetchError

if TYPE_CHECKING:
    from tg_fetcher_dagster.ledger.database import Ledger
    from tg_fetcher_dagster.settings import Settings


def cancel(
    chat: Annotated[str | None, typer.Argument(help="Every open day of this chat, whoever asked.")] = None,
    commands: Annotated[
        list[str] | None, typer.Option("--command", help="The days of this command; may be repeated.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that is asked for.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """End what is asked for without fetching it: by command, by chat, or all. Days that are done stay done."""
    from tg_fetcher_dagster.ledger.database import Ledger

    if sum((chat is not None, bool(commands), every)) != 1:
        raise WrongUse("give a chat, --command, or --all")
    settings = read_settings()
    ledger = Ledger.open(settings.ledger_location)
    try:
        _cancel(ledger, settings, chat=chat, command_ids=commands or [], yes=yes)
    finally:
        ledger.close()


def _cancel(
    ledger: "Ledger", settings: "Settings", *, chat: str | None, command_ids: list[str], yes: bool
) -> None:
    from tg_fetcher_dagster.cli.offline import key_of
    from tg_fetcher_dagster.ledger.request_progress import open_counts
    from tg_fetcher_dagster.requests.cancelling import cancel as end_as_cancelled

    key = None if chat is None else key_of(chat, settings)
    with ledger.read() as connection:
        asked, days = open_counts(connection, command_ids=command_ids, chat=key)
    if not asked:
        raise FetchError(ErrorType.NOT_FOUND, _nothing(chat, command_ids))
    about = f"{days} days of {asked} {'request' if asked == 1 else 'requests'}"
    if not yes and not confirm(f"cancel {about}?", default=False):
        note("nothing was cancelled")
        raise typer.Exit(1)
    done = end_as_cancelled(ledger, settings, command_ids=command_ids, chat=key)
    say(f"cancelled: {done} days; what was fetched before stays")


def _nothing(chat: str | None, command_ids: list[str]) -> str:
    if command_ids:
        return f"nothing is open of {', '.join(command_ids)}: it has ended, or nobody has taken it from the queue yet"
    return f"nothing is asked for of {chat}" if chat else "nothing is asked for"
