"""`tg-fetcher cancel`: what was asked for by mistake ends, and the runs that are under way for it, too."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.asking import confirm
from tg_fetcher_dagster.cli.console import note, say
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.cli.usage import WrongUse
from tg_fetcher_dagster.errors import ErrorType, FetchError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """End what is asked for without fetching it: by command, by chat, or all. What is done stays done."""
    from tg_fetcher_dagster.ledger.database import Ledger

    if sum((chat is not None, bool(commands), every)) != 1:
        raise WrongUse("give a chat, --command, or --all")
    settings = read_settings()
    with Ledger.open(settings.ledger_location) as ledger:
        _cancel(ledger, settings, chat=chat, command_ids=commands or [], yes=yes)


def cancel_commands(command_ids: list[str], settings: "Settings") -> None:
    """Ends what commands ask for, without a question, and tells how much that was."""
    from tg_fetcher_dagster.ledger.database import Ledger

    with Ledger.open(settings.ledger_location) as ledger:
        _cancel(ledger, settings, chat=None, command_ids=command_ids, yes=True)


def _cancel(
    ledger: "Ledger", settings: "Settings", *, chat: str | None, command_ids: list[str], yes: bool
) -> None:
    from tg_fetcher_dagster.cli.offline import key_of
    from tg_fetcher_dagster.ledger.request_progress import open_counts
    from tg_fetcher_dagster.requests.cancelling import cancel as end_as_cancelled
    from tg_fetcher_dagster.requests.rules import Rules
    from tg_fetcher_dagster.telegram.clock import planning_now

    untaken = _take_in(ledger, settings)
    key = None if chat is None else key_of(chat, settings)
    with ledger.read() as connection:
        asked, days = open_counts(connection, command_ids=command_ids, chat=key)
    # A command that was taken a moment ago can be found neither by its id nor by its chat before it is read.
    if not asked and not command_ids and chat is None:
        raise FetchError(ErrorType.NOT_FOUND, f"{_nothing(chat, command_ids)}{untaken}")
    about = f"{days} days of {asked} {'request' if asked == 1 else 'requests'}"
    if asked and not yes and not confirm(f"cancel {about}?", default=False):
        note("nothing was cancelled")
        raise typer.Exit(1)
    done = end_as_cancelled(
        ledger,
        rules=Rules.from_settings(settings),
        now=time.time(),
        today=planning_now(settings).astimezone(settings.zone).date(),
        command_ids=command_ids,
        chat=key,
    )
    if not done.days and not done.requests:
        raise FetchError(ErrorType.NOT_FOUND, f"{_nothing(chat, command_ids)}{untaken}")
    unplanned = f", {done.requests} requests that had no days yet" if done.requests else ""
    say(f"cancelled: {done.days} days{unplanned}")
    if done.run_ids:
        _end_runs(done.run_ids)


def _take_in(ledger: "Ledger", settings: "Settings") -> str:
    """Takes in what nobody has taken yet, as the daemon would, so that its end is told like any other.

    Returns:
        What there is to say of commands that stay in Redis, for a line that says that nothing was found: a
        checkout for development (RUN_SENSORS) takes none of a deployment's queue.
    """
    from tg_fetcher_dagster.requests.sources import open_sources
    from tg_fetcher_dagster.requests.spool import SpoolFolder

    spool = SpoolFolder(settings.data_dir)
    with open_sources(settings) as sources:
        for source in sources if settings.run_sensors else [spool]:
            for _ in range(_HANDFULS):
                if not source.take(ledger, time.time()):
                    break
            for line in source.notes:
                note(line)
        left = sum(source.left() for source in sources)
    if not left:
        return ""
    return (
        f"; {left} commands wait untaken in {settings.commands_queue}: cancel where RUN_SENSORS is true, or"
        " once the daemon has taken them"
    )


_HANDFULS = 100
"""Of commands that are taken in; what a producer pushes without an end is left to the daemon."""


def _end_runs(run_ids: "Sequence[str]") -> None:
    """Has runs ended that nobody waits for: at once where Dagster's instance is here, else by its daemon."""
    from tg_fetcher_dagster.cli.partitions import has_instance

    told = f"{len(run_ids)} {'run' if len(run_ids) == 1 else 'runs'} under way"
    if has_instance():
        import dagster as dg

        from tg_fetcher_dagster.cli.dagster_instance import instance
        from tg_fetcher_dagster.defs.sensors.requests import cancel_runs

        try:
            with instance() as dagster:
                cancel_runs(dagster, run_ids)
                runs = dagster.get_runs(filters=dg.RunsFilter(run_ids=list(run_ids)))
        except (FetchError, dg.DagsterError, OSError) as error:
            note(f"the Dagster instance does not end them: {error}")
        else:
            ending = {dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED}
            if len(runs) == len(run_ids) and all(run.status in ending for run in runs):
                say(f"{told}: cancelled, too")
                return
    note(f"{told}: the daemon's next tick cancels them")


def _nothing(chat: str | None, command_ids: list[str]) -> str:
    if command_ids:
        named = ", ".join(command_ids)
        return f"nothing is open of {named}: it has ended, or was never asked for here"
    return f"nothing is asked for of {chat}" if chat else "nothing is asked for"
