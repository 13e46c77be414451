"""`tg-fetcher fetch`: asks for days of a chat and waits until each has come to its end."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.console import note
from tg_fetcher_dagster.cli.dates import DateOption, FromOption, ToOption
from tg_fetcher_dagster.cli.starting import read_settings

if TYPE_CHECKING:
    from tg_fetcher_dagster.cli.display import FetchDisplay
    from tg_fetcher_dagster.cli.outcomes import DayEnd
    from tg_fetcher_dagster.cli.wanted import Asked
    from tg_fetcher_dagster.settings import Settings


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
) -> None:
    """Fetch days of chats and wait for each: exit code 0, or 1 with the reason of each day that failed.

    Without days FETCH_MODE says which (yesterday); without a chat those of TELEGRAM_CHATS are meant.
    """
    from tg_fetcher_dagster.cli.display import FetchDisplay, tell_result
    from tg_fetcher_dagster.cli.wanted import Wanted, check_days, commands_for

    settings = read_settings()
    given = {"yesterday": yesterday, "today": today, "full": full, "incremental": incremental}
    wanted = Wanted(
        day=day, first=first, last=last, days=days, modes=tuple(mode for mode in given if given[mode])
    )
    asked = commands_for(chats or [], wanted, settings, force=force, limit=limit, strategy=strategy.value)
    check_days(asked, settings)
    with FetchDisplay() as display:
        if direct:
            from tg_fetcher_dagster.cli.direct_fetch import fetch_directly

            ends = fetch_directly(asked, settings, display)
        else:
            ends = push_and_follow(asked, settings, display, timeout=timeout)
    if not ends:
        note("nothing to do")
    elif not tell_result(ends):
        raise typer.Exit(1)


def push_and_follow(
    asked: "list[Asked]", settings: "Settings", display: "FetchDisplay", *, timeout: float | None
) -> "list[DayEnd]":
    """Pushes commands and returns how each of their days ended."""
    from tg_fetcher_dagster.cli.following import Follower
    from tg_fetcher_dagster.redis_connection import connect

    with connect(settings) as client:
        follower = Follower(client, settings, display)
        try:
            follower.push(asked)
            return follower.follow(timeout=timeout)
        except KeyboardInterrupt:
            note("no longer waiting; what was pushed goes on: tg-fetcher status")
            raise
