"""`tg-fetcher status`: what is kept, what is missing, what is under way."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.console import note, say, say_json, say_table
from tg_fetcher_dagster.cli.moments import told_moment
from tg_fetcher_dagster.cli.starting import read_settings

if TYPE_CHECKING:
    from tg_fetcher_dagster.cli.overview import Overview

GAPS_SHOWN = 3
"""Runs of missing days that a line names."""

TROUBLE_SHOWN = 5
"""Damaged days, and days in doubt, that are named."""

WORK_SHOWN = 10
"""Batches under way, and waits, that are named."""


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as one JSON object.")] = False,
    need_redis: Annotated[
        bool, typer.Option("--need-redis", help="Exit with 1 where Redis is away.")
    ] = False,
    files: Annotated[
        bool, typer.Option("--files", help="Look at every file, too: some are gone, or of another size.")
    ] = False,
) -> None:
    """Show chats, days done and missing, what is asked for and waited for, unpublished events, accounts."""
    from tg_fetcher_dagster.cli.overview_sources import overview

    settings = read_settings()
    seen = overview(settings)
    if files:
        from tg_fetcher_dagster.cli.damaged_files import damaged_days

        seen = seen.model_copy(update={"damaged": damaged_days(settings)})
    if as_json:
        say_json(seen.model_dump_json(indent=2))
    else:
        _show_chats(seen)
        _show_trouble(seen)
        say()
        _show_work(seen)
        _show_rest(seen)
    if need_redis and seen.redis_error:
        raise typer.Exit(1)


def _show_chats(seen: "Overview") -> None:
    if not seen.chats:
        note("no chat is kept yet: tg-fetcher init, or tg-fetcher chats add CHAT")
        return
    rows = [
        (
            chat.chat,
            chat.title,
            chat.state,
            chat.first_day or "",
            chat.last_day or "",
            chat.days_done,
            chat.days_missing,
            _spans(chat.missing),
            chat.message_count,
            f"{chat.last_fetch:%Y-%m-%d %H:%M}" if chat.last_fetch else "",
        )
        for chat in seen.chats
    ]
    heads = ("chat", "title", "state", "first", "newest", "done", "missing", "missing days", "messages",
             "last fetch (UTC)")  # fmt: skip
    say_table(heads, rows)


def _show_trouble(seen: "Overview") -> None:
    """Tells of chats that cannot be read, of days in doubt and of days that were given up."""
    now = datetime.now(UTC)
    lines = []
    for chat in seen.chats:
        if chat.refused is not None:
            again = told_moment(chat.refused.ask_again_at.timestamp(), now=now)
            lines.append(
                f"refused   {chat.chat} since {chat.refused.since:%Y-%m-%d}: {chat.refused.why};"
                f" asked again {again}"
            )
    lines += [f"damaged   {line}" for line in (seen.damaged or [])[:TROUBLE_SHOWN]]
    if seen.damaged and len(seen.damaged) > TROUBLE_SHOWN:
        lines.append(f"damaged   and {len(seen.damaged) - TROUBLE_SHOWN} more days")
    if seen.damaged:
        lines.append("          a fetch mends these; tg-fetcher verify --repair mends all")
    doubted = [f"{chat.chat} {day}" for chat in seen.chats for day in chat.doubted]
    lines += [
        f"in doubt  {line}: too many messages are gone; read it again, or: tg-fetcher accept {line}"
        for line in doubted[:TROUBLE_SHOWN]
    ]
    if len(doubted) > TROUBLE_SHOWN:
        lines.append(f"in doubt  and {len(doubted) - TROUBLE_SHOWN} more days")
    lines += [
        f"given up  {chat.chat}: {chat.days_given_up} days; why: tg-fetcher heal {chat.chat} --list"
        for chat in seen.chats
        if chat.days_given_up
    ]
    if lines:
        say()
    for line in lines:
        say(line)


def _show_work(seen: "Overview") -> None:
    """Tells what is asked for, what is under way and what is waited for."""
    now = datetime.now(UTC)
    asked = ", ".join(f"{number} of {source}" for source, number in seen.requests.items())
    open_days = sum(chat.days_asked for chat in seen.chats)
    say(f"requests  {f'{asked} are open, {open_days} days' if asked else 'none is open'}")
    for batch in seen.in_flight[:WORK_SHOWN]:
        last = f"..{batch.last}" if batch.last != batch.first else ""
        doing = "is read" if batch.state == "running" else "waits for its run"
        since = told_moment(batch.asked_at.timestamp(), now=now)
        say(f"under way {', '.join(batch.chats)} {batch.first}{last}: {doing}, asked for at {since}")
    if len(seen.in_flight) > WORK_SHOWN:
        say(f"under way and {len(seen.in_flight) - WORK_SHOWN} more batches")
    for each in seen.waiting[:WORK_SHOWN]:
        until = f" until {told_moment(each.until.timestamp(), now=now)}" if each.until else ""
        say(f"waits     {each.what}{until}: {each.why}")
    if len(seen.waiting) > WORK_SHOWN:
        say(f"waits     and {len(seen.waiting) - WORK_SHOWN} more")


def _show_rest(seen: "Overview") -> None:
    for line in seen.names:
        say(f"name      {line}")
    if seen.queue is not None:
        say("queue     " + ", ".join(f"{number} {name}" for name, number in seen.queue.items()))
    else:
        say(f"queue     {seen.redis_error}")
    if seen.spool != 0:
        left = "cannot be read" if seen.spool is None else f"{seen.spool} commands wait in it for the daemon"
        say(f"spool     {left}")
    damaged = f", {seen.events_damaged} damaged: tg-fetcher events tail" if seen.events_damaged else ""
    say(f"events    {seen.events_pending} not published yet{damaged}")
    if seen.dead_letters:
        say(f"failed    {seen.dead_letters} commands: tg-fetcher failed list")
    last = seen.last_fetch
    say(f"fetched   {f'last at {last:%Y-%m-%d %H:%M} UTC' if last else 'nothing yet'}")
    for account in seen.accounts:
        say(f"account   {account.name}: {account.state}")
    if seen.accounts_error:
        say(f"account   {seen.accounts_error}")
    elif not seen.accounts:
        say("account   none: tg-fetcher init")
    say(f"ledger    {seen.size_bytes / 1e6:.1f} MB")
    if seen.clock:
        say(f"clock     this machine's is {seen.clock} of Telegram's: set it right")
    if seen.modes:
        say(f"files     {seen.modes}")


def _spans(missing: list[tuple[str, str]]) -> str:
    shown = [first if first == last else f"{first}..{last}" for first, last in missing[:GAPS_SHOWN]]
    more = len(missing) - GAPS_SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
