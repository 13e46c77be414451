"""`tg-fetcher rebuild`: day files made again from what Telegram once gave, without asking it."""

from datetime import date
from typing import Annotated

import typer

from tg_fetcher_dagster.cli.console import complain, note, say
from tg_fetcher_dagster.cli.dates import DateOption, FromOption, ToOption, check_range
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.cli.usage import WrongUse, spelling_of
from tg_fetcher_dagster.errors import FetchError


def rebuild(
    chat: Annotated[str, typer.Argument(help="@name, https://t.me/name, -100123..., or the chat's key.")],
    day: DateOption = None,
    first: FromOption = None,
    last: ToOption = None,
) -> None:
    """Make day files again from their raw files: a new setting or version costs Telegram nothing."""
    from tg_fetcher_dagster.commands.identity_table import IdentityTable
    from tg_fetcher_dagster.fetching.rebuild import rebuild_day
    from tg_fetcher_dagster.messages.day import MappingOptions
    from tg_fetcher_dagster.storage.coverage import covered_days
    from tg_fetcher_dagster.storage.paths import Store

    check_range(first, last)
    if day and first:
        raise WrongUse("--date and --from/--to exclude each other")
    settings = read_settings()
    store = Store(settings.data_dir, settings.timezone)
    store.prepare()
    spelling = spelling_of(chat)
    known = IdentityTable(settings.data_dir).kept(chat)
    key = known.key if known else spelling.likely_key
    covered = list(covered_days(store, key))
    days = wanted_days(covered, day=day, first=first, last=last)
    if not days:
        note(f"{key}: nothing was fetched {'in these days' if first else 'yet'}")
        return
    options = MappingOptions.from_settings(settings)
    changed = failed = 0
    for each in days:
        try:
            made = rebuild_day(key, each, store=store, options=options)
        except FetchError as error:
            complain(error.message)
            failed += 1
            continue
        changed += made.changed
        say(f"{key} {each} {'changed' if made.changed else 'the same'}")
    say(f"{len(days) - failed} days rebuilt, {changed} changed")
    if failed:
        raise typer.Exit(1)


def wanted_days(
    covered: list[date], *, day: date | None, first: date | None, last: date | None
) -> list[date]:
    """Returns the days to rebuild: the one that is named, those of the range that were fetched, or all."""
    if day is not None:
        return [day]
    return [each for each in covered if (first is None or each >= first) and (last is None or each <= last)]
