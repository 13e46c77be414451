"""`tg-fetcher fetch`: asks for days of a chat and waits until each has come to its end."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.asking import confirm
from tg_fetcher_dagster.cli.cancel import cancel_commands
from tg_fetcher_dagster.cli.console import note, say
from tg_fetcher_dagster.cli.dates import DateOption, FromOption, ToOption
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.cli.usage import WrongUse

if TYPE_CHECKING:
    from tg_fetcher_dagster.cli.display import FetchDisplay
    from tg_fetcher_dagster.cli.outcomes import FetchOutcome
    from tg_fetcher_dagster.requests.command import FetchCommand
    from tg_fetcher_dagster.settings import Settings

COMMANDS_NAMED = 3
"""Commands that a line names."""


class Strategy(StrEnum):
    """How many runs the days become."""

    BATCH = "batch"
    PER_DAY = "per_day"


def fetch(
    chats: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHAT]...", help="@name, https://t.me/name, -100123... [TELEGRAM_CHATS]."),
    ] = None,
    day: DateOption = None,
    first: FromOption = None,
    last: ToOption = None,
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=365, help="The last N whole days, today excluded.")
    ] = None,
    yesterday: Annotated[bool, typer.Option("--yesterday", help="The last whole day.")] = False,
    today: Annotated[bool, typer.Option("--today", help="The unfinished day, as far as it is.")] = False,
    full: Annotated[bool, typer.Option("--full", help="From the first message to yesterday.")] = False,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="What is missing since the first fetched day.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Fetch complete days again.")] = False,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="At most N messages a day, for a try; not final then."),
    ] = None,
    strategy: Annotated[
        Strategy, typer.Option("--strategy", help="One run for all days, or one a day.")
    ] = Strategy.BATCH,
    direct: Annotated[
        bool, typer.Option("--direct", help="In this process, without Redis and daemon.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Stop waiting after so many seconds.")
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Ask for it, print each command's id, and go.")
    ] = False,
) -> None:
    """Fetch days of chats and wait for each: exit code 0, or 1 with the reason of each day that failed.

    Without days FETCH_MODE says which (yesterday); without a chat those of TELEGRAM_CHATS are meant.
    """
    from tg_fetcher_dagster.cli.fetch_commands import Wanted, check_days, commands_for

    settings = read_settings()
    given = {"yesterday": yesterday, "today": today, "full": full, "incremental": incremental}
    wanted = Wanted(
        day=day, first=first, last=last, days=days, modes=tuple(mode for mode in given if given[mode])
    )
    commands = commands_for(chats or [], wanted, settings, force=force, limit=limit, strategy=strategy.value)
    check_days(commands, settings)
    if no_wait:
        if direct:
            raise WrongUse("--direct fetches in this process: there is nothing not to wait for")
        push(commands, settings)
        for each in commands:
            say(each.command_id)
        return
    if not carried_out(commands, settings, direct=direct, timeout=timeout):
        raise typer.Exit(1)


def carried_out(
    commands: "Sequence[FetchCommand]", settings: "Settings", *, direct: bool, timeout: float | None = None
) -> bool:
    """Has commands carried out, tells how each day ended, and returns False where one was not fetched.

    Raises:
        FetchError: see `push_and_follow` and `fetch_directly`.
    """
    from tg_fetcher_dagster.cli.display import FetchDisplay, tell_outcome

    try:
        with FetchDisplay() as display:
            if direct:
                from tg_fetcher_dagster.cli.direct_fetch import fetch_directly

                outcome = fetch_directly(commands, settings, display)
            else:
                outcome = push_and_follow(commands, settings, display, timeout=timeout)
    except KeyboardInterrupt:
        if not direct:
            _offer_to_cancel([each.command_id for each in commands], settings)
        raise
    return tell_outcome(outcome)


def push_and_follow(
    commands: "Sequence[FetchCommand]",
    settings: "Settings",
    display: "FetchDisplay",
    *,
    timeout: float | None = None,
) -> "FetchOutcome":
    """Gives commands to whoever carries them out and returns how each of their days ended.

    Raises:
        FetchError: (network) Redis is away, or the time is over; (storage) the spool folder or the ledger
            refuses.
    """
    from tg_fetcher_dagster.cli.following import Follower
    from tg_fetcher_dagster.cli.outcomes import FetchOutcome
    from tg_fetcher_dagster.ledger.database import Ledger

    with Ledger.open(settings.ledger_location) as ledger:
        push(commands, settings)
        follower = Follower(ledger, [each.command_id for each in commands], display)
        return FetchOutcome(ends=follower.follow(timeout=timeout))


def _offer_to_cancel(command_ids: list[str], settings: "Settings") -> None:
    """Asks on a terminal whether what was asked for shall end, too; elsewhere names the line that ends it."""
    if sys.stdin.isatty() and confirm("no longer waiting. Cancel what was asked for, too?", default=False):
        cancel_commands(command_ids, settings)
        return
    named = " ".join(f"--command {each}" for each in command_ids[:COMMANDS_NAMED])
    note(f"no longer waiting; what was asked for goes on. To stop it: tg-fetcher cancel {named}")


def push(commands: "Sequence[FetchCommand]", settings: "Settings") -> None:
    """Gives commands to Redis as any producer does; without Redis each becomes a file in the spool folder.

    Raises:
        FetchError: (network) Redis is away; (storage) the disk refuses.
    """
    import orjson

    from tg_fetcher_dagster.cli.fetch_commands import as_pushed
    from tg_fetcher_dagster.redis_connection import connect, redis_failures

    if settings.redis_url is None:
        from tg_fetcher_dagster.requests import spool

        for each in commands:
            spool.put(settings.data_dir, as_pushed(each))
        return
    with connect(settings) as client, redis_failures(client):
        client.rpush(settings.commands_queue, *(orjson.dumps(as_pushed(each)) for each in commands))
