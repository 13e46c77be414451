"""Which days of which chats a run's partitions ask for.

Partition keys come from the sensors, and from people: the UI invites to add a chat by hand. A key that is no
chat key is read as a chat's spelling and becomes the chat's own key; one that makes no sense fails by name.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from tg_fetcher_dagster.chats.spelling import KEY_PATTERN, ChatSpelling, parse_spelling
from tg_fetcher_dagster.defs.partitions import chat_day_key
from tg_fetcher_dagster.errors import ErrorType, FetchError

_KEY = re.compile(KEY_PATTERN)

KeyOfSpelling = Callable[[ChatSpelling], str | None]
"""Returns the key of a chat that is known; None where it is not."""


@dataclass(frozen=True, slots=True)
class AskedDays:
    """What partitions ask for.

    Attributes:
        chats: the days of each chat, ascending; chats in their first order.
        added_by_hand: partition keys that are not the chat's own, by the chat and day that they mean.
        refused: partition keys that mean no chat, and why.
    """

    chats: Mapping[str, tuple[date, ...]]
    added_by_hand: Mapping[tuple[str, date], tuple[str, ...]]
    refused: Mapping[str, FetchError]

    @property
    def count(self) -> int:
        """How many days are asked for, refused ones included."""
        return sum(map(len, self.chats.values())) + len(self.refused)


def days_of_keys(keys: Iterable[str], *, key_of: KeyOfSpelling) -> AskedDays:
    """Returns what keys of `messages` ask for: `chat|2025-11-07`."""
    return _asked(
        ((key, *_split(key)) for key in keys), key_of, lambda chat, day: str(chat_day_key(chat, day))
    )


def days_of_chats(keys: Iterable[str], day: date, *, key_of: KeyOfSpelling) -> AskedDays:
    """Returns what keys of `messages_today` ask for: one day of each chat."""
    return _asked(((key, key, day) for key in keys), key_of, lambda chat, _day: chat)


def chat_of_key(text: str, *, key_of: KeyOfSpelling) -> str:
    """Returns the chat key that a partition of the dimension `chat` means.

    A key that could be a chat's own is taken for it: who it is, Telegram says when it is read.

    Raises:
        FetchError: (validation) it is no chat's spelling.
    """
    if _KEY.fullmatch(text):
        return text
    spelling = parse_spelling(text)
    return key_of(spelling) or spelling.likely_key


def _split(key: str) -> tuple[str, date]:
    chat, _, day = key.rpartition("|")
    return chat, date.fromisoformat(day)


def _asked(
    named: Iterable[tuple[str, str, date]], key_of: KeyOfSpelling, own_key: Callable[[str, date], str]
) -> AskedDays:
    chats: dict[str, set[date]] = {}
    by_hand: dict[tuple[str, date], tuple[str, ...]] = {}
    refused: dict[str, FetchError] = {}
    for key, text, day in named:
        try:
            chat = chat_of_key(text, key_of=key_of)
        except FetchError as error:
            refused[key] = FetchError(ErrorType.VALIDATION, f"{error.message}; remove the partition {text!r}")
            continue
        chats.setdefault(chat, set()).add(day)
        if own_key(chat, day) != key:
            by_hand[chat, day] = (*by_hand.get((chat, day), ()), key)
    return AskedDays({chat: tuple(sorted(days)) for chat, days in chats.items()}, by_hand, refused)
