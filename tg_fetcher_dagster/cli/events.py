"""`tg-fetcher events tail`: how days ended, as it is recorded in the ledger; Redis need not be there."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tg_fetcher_dagster.cli.console import note, say
from tg_fetcher_dagster.cli.moments import parse_since
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.cli.usage import WrongUse

if TYPE_CHECKING:
    from tg_fetcher_dagster.ledger.database import Ledger
    from tg_fetcher_dagster.ledger.outbox import Recorded

app = typer.Typer(help="How days ended: the events that consumers are told.", rich_markup_mode=None)

SHOWN = 20
LOOK_SECONDS = 1.0
"""Seconds between two looks of --follow."""


@app.callback()
def events() -> None:
    """How days ended: the events that consumers are told."""


@app.command("tail")
def tail(
    since: Annotated[
        str | None,
        typer.Option(
            help="All since 2025-11-25T10:00 (UTC), or the last 90s, 30m, 2h, 3d.", show_default=False
        ),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option("--number", "-n", min=0, help=f"The last so many [{SHOWN}].", show_default=False),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with each that is recorded.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Each event as it is told, one a line.")] = False,
) -> None:
    """Show how days ended, the oldest first: one line an event; those that nobody was told yet say so."""
    from tg_fetcher_dagster.ledger import outbox
    from tg_fetcher_dagster.ledger.database import Ledger

    if since is not None and number is not None:
        raise WrongUse("--since and --number exclude each other")
    moment = parse_since(since, now=datetime.now(UTC)) if since is not None else None
    ledger = Ledger.open(read_settings().ledger_location)
    try:
        with ledger.read() as connection:
            if moment is not None:
                seen = outbox.seq_before(connection, moment.timestamp())
            else:
                seen = outbox.seq_of_last(connection, SHOWN if number is None else number)
        seen = _show_after(ledger, seen, as_json=as_json)
        while follow:
            time.sleep(LOOK_SECONDS)
            seen = _show_after(ledger, seen, as_json=as_json)
    finally:
        ledger.close()


def _show_after(ledger: "Ledger", seen: int, *, as_json: bool) -> int:
    """Prints what follows an event; returns the place of the last one."""
    from tg_fetcher_dagster.ledger import outbox

    while True:
        with ledger.read() as connection:
            found = outbox.recorded_after(connection, seen)
        for each in found:
            _show(each, as_json=as_json)
            seen = each.seq
        if not found:
            return seen


def _show(recorded: "Recorded", *, as_json: bool) -> None:
    from tg_fetcher_dagster.events.recording import parsed

    event = parsed(recorded.body)
    if as_json and event is None:
        note(f"event {recorded.seq} ({recorded.event_id}) is damaged")
    elif as_json:
        say(recorded.body)
    else:
        say(line_of(recorded, event))


def line_of(recorded: "Recorded", event: dict[str, Any] | None) -> str:
    """Returns the line of an event: when, whose day, how it ended, whether anybody was told.

    Args:
        recorded: as it stands in the table.
        event: its body; None where that is damaged.
    """
    when = datetime.fromtimestamp(recorded.recorded_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = f"{recorded.chat or '-'} {recorded.date or '-'}"
    told = "" if recorded.published_at else " [waits]"
    if event is None:
        return f"{when} {recorded.event} {about}: damaged, told to nobody"
    return f"{when} {recorded.event} {about}: {_end(event)}{told}".translate(_VISIBLE)


_VISIBLE = dict.fromkeys((*range(32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}")
"""A refused spelling may hold what would steer a terminal."""


def _end(event: dict[str, Any]) -> str:
    if event["event"] == "fetch_failed":
        return f"{event.get('error_type')}: {event.get('error')}"
    if event["event"] == "fetch_skipped":
        return str(event.get("reason"))
    changes = [
        f"{sign}{event[f'messages_{kind}']}"
        for sign, kind in (("+", "added"), ("~", "edited"), ("-", "deleted"))
        if event.get(f"messages_{kind}") is not None
    ]
    lost = f", {event['lost_count']} losses" if event.get("lost_count") else ""
    return f"{event.get('message_count')} messages{' ' if changes else ''}{' '.join(changes)}{lost}"
