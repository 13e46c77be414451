"""`tg-fetcher accept`: a deletion that was not believed is one, says a person."""

from datetime import date
from typing import Annotated

import typer

from tg_fetcher_dagster.cli.console import say
from tg_fetcher_dagster.cli.dates import parse_day
from tg_fetcher_dagster.cli.starting import read_settings


def accept(
    chat: Annotated[str, typer.Argument(help="@name, https://t.me/name, -100123..., or the chat's key.")],
    day: Annotated[date, typer.Argument(parser=parse_day, metavar="DATE", help="The day, YYYY-MM-DD.")],
) -> None:
    """Make the reading current that lacked too many messages to be believed; asks Telegram nothing.

    The earlier files are kept under versions/, and consumers are told of the day.
    """
    from tg_fetcher_dagster.cli.offline import key_of, publish_what_was_told
    from tg_fetcher_dagster.fetching.context import DayContext
    from tg_fetcher_dagster.fetching.rebuild import accept_day

    settings = read_settings()
    context = DayContext(settings)
    context.store.prepare()
    key = key_of(chat, settings)
    accepted = accept_day(key, day, context)
    say(f"{key} {day}: {accepted.coverage.message_count} messages are current")
    publish_what_was_told(settings)
