"""What `incremental` needs to know of chats: their first day, and the days that need not be read again."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from tg_fetcher_dagster.ledger import planning
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.days import first_days
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.understanding import ChatFacts

AT_ONCE: Final = 50
"""Chats of one look: with some years each they are some ten thousand days."""


def facts_of_chats(
    ledger: Ledger, keys: Sequence[str], *, rules: Rules, now: float, today: dt.date
) -> dict[str, ChatFacts]:
    """Returns the facts of each chat, be it that nothing is known of it."""
    facts: dict[str, ChatFacts] = {}
    for place in range(0, len(keys), AT_ONCE):
        some = keys[place : place + AT_ONCE]
        with ledger.read() as connection:
            first = first_days(connection, some, that_were_read=True)
            oldest = min(first.values(), default=today)
            days = planning.settled(connection, list(first), oldest, today, now=now)
        done: dict[str, set[dt.date]] = {}
        for key, day in days:
            if day >= first[key] and rules.has_file(key, day):
                done.setdefault(key, set()).add(day)
        facts |= {key: ChatFacts(first.get(key), frozenset(done.get(key, ()))) for key in some}
    return facts
