"""Which chats have metrics of their own; the others are one series.

A chat that has its own keeps it for ever, also once it is removed: what it counted would else move into the
series of the others or out of it, and Prometheus would take that for something that happened.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from tg_fetcher_dagster.ledger import days, monitored
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.facts import fact, keep_fact
from tg_fetcher_dagster.ledger.measures import Total, read_totals
from tg_fetcher_dagster.metrics.counted import COUNTED

OTHER: Final = "other"
"""The series of all chats that have none; a chat of that name is one of them."""

_FACT: Final = "monitor_chats"

_PLACES: Final = {each.name: each.labels.index("chat") for each in COUNTED if "chat" in each.labels}
"""Where the chat stands among a metric's labels."""


@dataclass(frozen=True, slots=True)
class ShownChats:
    """The chats that have metrics of their own."""

    keys: frozenset[str] = frozenset()

    def name(self, key: str) -> str:
        """Returns as what a chat is shown."""
        return key if key in self.keys else OTHER


def chosen(
    before: Sequence[str], known: Iterable[str], *, most: int, messages: Mapping[str, int]
) -> tuple[str, ...]:
    """Returns the chats that have metrics of their own from now on, in the order in which they got them.

    Args:
        before: those that have them; they stay, up to `most`.
        known: all chats of which anything is to be shown.
        most: so many at most.
        messages: how many each has; of those that come at once, the largest are taken first.
    """
    new = sorted(set(known) - set(before) - {OTHER}, key=lambda key: (-messages.get(key, 0), key))
    return tuple([*before, *new][:most])


def counted_chats(totals: Iterable[Total]) -> set[str]:
    """Returns the chats of which anything was counted."""
    return {total.labels[_PLACES[total.metric]] for total in totals if total.metric in _PLACES}


def kept_chats(connection: Connection) -> tuple[str, ...]:
    """Returns the chats that have metrics of their own, as the ledger keeps them."""
    kept = fact(connection, _FACT)
    return tuple(orjson.loads(kept)) if kept is not None else ()


def keep_chosen(ledger: Ledger, *, most: int) -> None:
    """Keeps who has metrics of his own from now on, where there is somebody new and room for him.

    Raises:
        FetchError: (storage) the ledger refuses.
    """
    with ledger.read() as connection:
        before = kept_chats(connection)
        known = {*monitored.chat_states(connection), *counted_chats(read_totals(connection))}
        if len(before) >= most or not known - {*before, OTHER}:
            return
        messages = {key: of.messages for key, of in days.counts(connection).items()}
    now = chosen(before, known, most=most, messages=messages)
    with ledger.write() as connection:
        keep_fact(connection, _FACT, orjson.dumps(now).decode())
