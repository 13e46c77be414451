"""`tg-fetcher accept`: a deletion that was not believed is one, says a person."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.console import say
from tg_fetcher_dagster.cli.dates import parse_day
from tg_fetcher_dagster.cli.starting import read_settings

if TYPE_CHECKING:
    from tg_fetcher_dagster.storage.coverage import Coverage


def accept(
    chat: Annotated[str, typer.Argument(help="@name, https://t.me/name, -100123..., or the chat's key.")],
    day: Annotated[date, typer.Argument(parser=parse_day, metavar="DATE", help="The day, YYYY-MM-DD.")],
) -> None:
    """Make the reading current that lacked too many messages to be believed; asks Telegram nothing.

    The earlier files are kept under versions/, and consumers are told of the day.
    """
    from tg_fetcher_dagster.cli.offline import key_of, publish_what_was_told
    from tg_fetcher_dagster.events.outbox import Outbox
    from tg_fetcher_dagster.fetching.day_events import DayEvents
    from tg_fetcher_dagster.fetching.rebuild import accept_day
    from tg_fetcher_dagster.messages.day import MappingOptions
    from tg_fetcher_dagster.storage.paths import Store

    settings = read_settings()
    store = Store.of(settings)
    store.prepare()
    key = key_of(chat, settings)
    outbox, options = Outbox(settings.data_dir), MappingOptions.from_settings(settings)

    def events_of(then: "Coverage") -> DayEvents:
        return DayEvents.of_its_own(outbox, settings, then.chat, then.date, why="accept")

    accepted = accept_day(key, day, store=store, options=options, events_of=events_of)
    say(f"{key} {day}: {accepted.coverage.message_count} messages are current")
    publish_what_was_told(settings)
