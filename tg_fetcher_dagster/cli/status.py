"""`tg-fetcher status`: what is kept, what is missing, what is under way."""

from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.console import note, say, say_json, say_table
from tg_fetcher_dagster.cli.starting import read_settings

if TYPE_CHECKING:
    from tg_fetcher_dagster.cli.overview import Overview

GAPS_SHOWN = 3
"""Runs of missing days that a line names."""

TROUBLE_SHOWN = 5
"""Damaged days, and days in doubt, that are named."""


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as one JSON object.")] = False,
    need_redis: Annotated[
        bool, typer.Option("--need-redis", help="Exit with 1 where Redis is away.")
    ] = False,
) -> None:
    """Show chats, days done and missing, the queue, the last fetch, unpublished events and accounts."""
    from tg_fetcher_dagster.cli.overview import overview

    seen = overview(read_settings())
    if as_json:
        say_json(seen.model_dump_json(indent=2))
    else:
        _show(seen)
    if need_redis and seen.redis_error:
        raise typer.Exit(1)


def _show(seen: "Overview") -> None:
    if seen.chats:
        rows = [
            (
                chat.chat,
                chat.state,
                chat.days_done,
                chat.days_missing,
                _spans(chat.missing),
                chat.last_day or "",
                chat.message_count,
                f"{chat.last_fetch:%Y-%m-%d %H:%M}" if chat.last_fetch else "",
            )
            for chat in seen.chats
        ]
        heads = ("chat", "state", "done", "missing", "missing days", "newest", "messages", "last fetch (UTC)")
        say_table(heads, rows)
    else:
        note("no chat is kept yet: tg-fetcher init, or tg-fetcher chats add CHAT")
    _show_trouble(seen)
    say()
    for line in seen.names:
        say(f"name      {line}")
    if seen.queue is not None:
        say("queue     " + ", ".join(f"{number} {name}" for name, number in seen.queue.items()))
    else:
        say(f"queue     {seen.redis_error}")
    say(f"events    {seen.events_pending} not published yet")
    last = seen.last_fetch
    say(f"fetched   {f'last at {last:%Y-%m-%d %H:%M} UTC' if last else 'nothing yet'}")
    for account in seen.accounts:
        say(f"account   {account.name}: {account.state}")
    if not seen.accounts:
        say("account   none: tg-fetcher init")
    if seen.clock:
        say(f"clock     this machine's is {seen.clock} of Telegram's: set it right")
    if seen.modes:
        say(f"files     {seen.modes}")


def _show_trouble(seen: "Overview") -> None:
    """Tells of damaged and doubted days, a few lines of each."""
    damaged = [f"{chat.chat} {line}" for chat in seen.chats for line in chat.damaged]
    doubted = [f"{chat.chat} {day}" for chat in seen.chats for day in chat.doubted]
    if damaged or doubted:
        say()
    for line in damaged[:TROUBLE_SHOWN]:
        say(f"damaged   {line}")
    if len(damaged) > TROUBLE_SHOWN:
        say(f"damaged   and {len(damaged) - TROUBLE_SHOWN} more days")
    if damaged:
        say("          a fetch mends these; tg-fetcher verify --repair mends all")
    for line in doubted[:TROUBLE_SHOWN]:
        say(f"in doubt  {line}: too many messages are gone; read it again, or: tg-fetcher accept {line}")
    if len(doubted) > TROUBLE_SHOWN:
        say(f"in doubt  and {len(doubted) - TROUBLE_SHOWN} more days")


def _spans(missing: list[tuple[str, str]]) -> str:
    shown = [first if first == last else f"{first}..{last}" for first, last in missing[:GAPS_SHOWN]]
    more = len(missing) - GAPS_SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
