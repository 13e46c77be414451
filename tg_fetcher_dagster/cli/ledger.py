"""`tg-fetcher ledger`: the database that holds what is known: made, taken over, made again, backed up."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.console import note, say
from tg_fetcher_dagster.cli.starting import read_settings

if TYPE_CHECKING:
    from tg_fetcher_dagster.fetching.context import DayContext
    from tg_fetcher_dagster.takeover.taking import Report

app = typer.Typer(help="The ledger: the database that holds what is known.", no_args_is_help=True)


@app.command("migrate")
def migrate(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be taken over; change nothing.")
    ] = False,
) -> None:
    """Make the ledger's tables or bring them up to date; take over what an older version has left.

    No request is made and nothing is deleted: what was taken over stands under .before-ledger/.
    """
    from tg_fetcher_dagster.ledger.database import Ledger
    from tg_fetcher_dagster.ledger.schema import make_ledger
    from tg_fetcher_dagster.ledger.schema_version import PRESENT
    from tg_fetcher_dagster.takeover.everything import take_over

    settings = read_settings()
    url = settings.ledger_location
    if dry_run:
        say_report(take_over(settings, None), "would be taken over")
        return

    def make() -> Ledger:
        before = make_ledger(url)
        say(f"ledger {'made' if before is None else 'up to date' if before == PRESENT else 'upgraded'}")
        return Ledger.open(url)

    say_report(take_over(settings, make), "taken over")


def say_report(report: "Report", did: str) -> None:
    """Says what a takeover came to."""
    for what, count in report.counts.items():
        if count:
            say(f"{did}: {count} {what}")
    for line in report.left:
        note(f"left where it is: {line}")
    if report.left_count > len(report.left):
        note(f"left where they are: {report.left_count - len(report.left)} more")


@app.command("rebuild")
def rebuild(
    chats: Annotated[
        list[str] | None, typer.Argument(help="Keys of chats (their folders); none for all.")
    ] = None,
) -> None:
    """Bring the ledger to what the files of DATA_DIR say, at no request: after its loss or an older backup.

    Day files without a raw file, such as another program's, count as done and not proved. Dagster's
    partitions and materialisations that are missing are made again. Nobody is told of anything that the files
    already said.
    """
    from tg_fetcher_dagster.fetching.context import DayContext
    from tg_fetcher_dagster.takeover.from_files import ledger_from_files

    context = DayContext(read_settings())
    try:
        context.store.prepare()
        report = ledger_from_files(context, chats=frozenset(chats or ()))
        say_report(report, "from the files")
        _show_again(context)
    finally:
        context.close()


@app.command("backup")
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
) -> None:
    """Write a whole copy of the ledger, also while it is in use; of Postgres pg_dump does."""
    from tg_fetcher_dagster.ledger.backup import back_up
    from tg_fetcher_dagster.ledger.database import Ledger

    with Ledger.open(read_settings().ledger_location) as ledger:
        size = back_up(ledger, target)
    say(f"{target}  {size} bytes")


def _show_again(context: "DayContext") -> None:
    """Makes again what Dagster does not know, where there is an instance."""
    from datetime import UTC, datetime

    from tg_fetcher_dagster.cli.partitions import has_instance
    from tg_fetcher_dagster.days import ONE_DAY, day_of

    if not has_instance():
        note("DAGSTER_HOME is not set: Dagster's partitions were not looked at")
        return
    from tg_fetcher_dagster.cli.dagster_instance import instance
    from tg_fetcher_dagster.defs.lost_materialisations import show_again
    from tg_fetcher_dagster.ledger.day_pages import read_days

    settings = context.settings
    yesterday = day_of(datetime.now(UTC), settings.zone) - ONE_DAY
    with instance() as dagster:
        shown = show_again(
            dagster, read_days(context.ledger), context.store, first=settings.history_start, last=yesterday
        )
    say(f"Dagster: {shown} materialisations made again")
