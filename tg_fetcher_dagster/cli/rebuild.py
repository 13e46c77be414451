"""`tg-fetcher rebuild`: day files made again from what Telegram once gave, without asking it."""

from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.console import complain, note, say
from tg_fetcher_dagster.cli.dates import DateOption, FromOption, ToOption, check_range
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.cli.usage import WrongUse
from tg_fetcher_dagster.errors import FetchError

if TYPE_CHECKING:
    from tg_fetcher_dagster.fetching.rebuild import Rebuilt


def rebuild(
    chat: Annotated[str, typer.Argument(help="@name, https://t.me/name, -100123..., or the chat's key.")],
    day: DateOption = None,
    first: FromOption = None,
    last: ToOption = None,
) -> None:
    """Make day files again from their raw files: a new setting or version costs Telegram nothing.

    Consumers are told of each day that is not what they were told last.
    """
    from tg_fetcher_dagster.cli.offline import days_in, key_of, publish_what_was_told
    from tg_fetcher_dagster.fetching.context import DayContext
    from tg_fetcher_dagster.fetching.day_end import unasked
    from tg_fetcher_dagster.fetching.rebuild import rebuild_day

    check_range(first, last)
    if day and first:
        raise WrongUse("--date and --from/--to exclude each other")
    settings = read_settings()
    context = DayContext(settings)
    context.store.prepare()
    key = key_of(chat, settings)
    days = [day] if day else list(days_in(context.store.days(key), first=first, last=last))
    if not days:
        note(f"{key}: nothing was fetched {'in these days' if first else 'yet'}")
        return
    changed = untold = failed = 0
    for each in days:
        try:
            made = rebuild_day(key, each, context, told_as=lambda _then: unasked("rebuild"))
        except FetchError as error:
            complain(error.message)
            failed += 1
            continue
        changed += made.outcome == "changed"
        untold += made.outcome != "unchanged"
        say(f"{key} {each} {told(made)}")
    say(f"{len(days) - failed} days rebuilt, {changed} changed")
    if untold:
        publish_what_was_told(settings)
    if failed:
        raise typer.Exit(1)


def told(made: "Rebuilt") -> str:
    """Returns in a few words what a rebuild did."""
    did = "changed" if made.outcome == "changed" else "mended"
    return f"{did}: {', '.join(made.mended)}" if made.mended else "the same"
