"""`tg-fetcher heal`: days that were given up, and how they are asked for again."""

from typing import Annotated

import typer

from tg_fetcher_dagster.cli.console import note, say
from tg_fetcher_dagster.cli.moments import LONGEST_REASON
from tg_fetcher_dagster.cli.starting import read_settings

SHOWN = 1_000
"""Days that are listed."""


def heal(
    chat: Annotated[str | None, typer.Argument(help="Days of this chat alone.")] = None,
    only_list: Annotated[bool, typer.Option("--list", help="Name them with their reasons; no more.")] = False,
) -> None:
    """Open days again that were given up after three failed rounds; the daily round asks for them."""
    from tg_fetcher_dagster.cli.offline import key_of
    from tg_fetcher_dagster.ledger.database import Ledger
    from tg_fetcher_dagster.ledger.day_rounds import reopen
    from tg_fetcher_dagster.ledger.days import given_up

    settings = read_settings()
    key = None if chat is None else key_of(chat, settings)
    ledger = Ledger.open(settings.ledger_location)
    try:
        if only_list:
            with ledger.read() as connection:
                found = given_up(connection, key, limit=SHOWN + 1)
            for of, day, why in found[:SHOWN]:
                say(f"{of} {day}: {why[:LONGEST_REASON]}")
            if len(found) > SHOWN:
                note(f"and more than these {SHOWN}")
            if not found:
                note("no day was given up")
            return
        with ledger.write() as connection:
            reopened = reopen(connection, key)
    finally:
        ledger.close()
    if not reopened:
        note("no day was given up")
        return
    chats = sorted({of for of, _ in reopened})
    say(f"{len(reopened)} days of {len(chats)} chats are open again")
    note(f"the next daily round asks for them; at once: tg-fetcher fetch {' '.join(chats[:3])} --incremental")
