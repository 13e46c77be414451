"""`tg-fetcher ledger`: the database that holds what is known: made, taken over, made again, backed up."""

from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.console import note, say
from tg_fetcher_dagster.cli.starting import read_settings

if TYPE_CHECKING:
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
