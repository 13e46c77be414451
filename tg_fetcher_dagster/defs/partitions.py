"""How work is cut: a chat and a day make a partition (docs.dagster.io, "Partitioning assets").

Chats are dynamic partitions, added by a sensor or by a command and never deleted by a machine (deleting
a chat's partition under a running run kills the run). Days begin at HISTORY_START; today is no partition
until midnight, which is why the unfinished day has an asset of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby

import dagster as dg

from tg_fetcher_dagster.chats.spelling import check_chat_key
from tg_fetcher_dagster.settings import DefinitionSettings

CHATS = dg.DynamicPartitionsDefinition(name="chats")
"""One key a chat: its chat key, which is also its folder's name."""

RANGE_START = "dagster/asset_partition_range_start"  # dagster._core.storage.tags, no public name
RANGE_END = "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"

MAX_DAYS_A_RUN = 31
"""A run's days: a month is one walk, and what a crash can cost stays small."""


def days(settings: DefinitionSettings) -> dg.DailyPartitionsDefinition:
    """Returns the days from HISTORY_START to yesterday, in the deployment's zone."""
    return dg.DailyPartitionsDefinition(
        start_date=settings.history_start.isoformat(), timezone=settings.timezone, end_offset=0
    )


def chat_days(settings: DefinitionSettings) -> dg.MultiPartitionsDefinition:
    """Returns the partitions of `messages`; a key reads `chat|2025-11-07`."""
    return dg.MultiPartitionsDefinition({"chat": CHATS, "date": days(settings)})


def chat_day_key(chat: str, day: date) -> dg.MultiPartitionKey:
    """Returns the key of one chat's day."""
    return dg.MultiPartitionKey({"chat": check_chat_key(chat), "date": day.isoformat()})


def chat_day_of(key: str) -> tuple[str, date]:
    """Returns the chat and the day of a key; dimension names stand in alphabetical order."""
    chat, _, day = key.partition("|")
    return check_chat_key(chat), date.fromisoformat(day)


def range_tags(chats: tuple[str, str], days: tuple[date, date]) -> Mapping[str, str]:
    """Returns the tags that ask for the rectangle `chats x days`, both ends included.

    Dagster orders chats by when they were added, so a range of chats means neighbours in that order.
    """
    return {
        RANGE_START: str(chat_day_key(chats[0], days[0])),
        RANGE_END: str(chat_day_key(chats[1], days[1])),
    }


def by_chat(keys: Iterable[str]) -> dict[str, tuple[date, ...]]:
    """Returns the days of each chat in any rectangle of keys, chats in their first order.

    >>> by_chat(["b|2025-11-02", "b|2025-11-01", "a|2025-11-01"])
    {'b': (datetime.date(2025, 11, 1), datetime.date(2025, 11, 2)), 'a': (datetime.date(2025, 11, 1),)}
    """
    found: dict[str, list[date]] = {}
    for chat, day in map(chat_day_of, keys):
        found.setdefault(chat, []).append(day)
    return {chat: tuple(sorted(days)) for chat, days in found.items()}


def neighbours(ordered: Sequence[str], wanted: frozenset[str], *, at_most: int) -> list[tuple[str, str]]:
    """Returns the ranges of `ordered` that hold exactly the wanted keys, each of at most so many keys.

    >>> neighbours(["a", "b", "c", "d"], frozenset("abd"), at_most=50)
    [('a', 'b'), ('d', 'd')]
    """
    ranges: list[tuple[str, str]] = []
    for is_wanted, group in groupby(ordered, key=wanted.__contains__):
        keys = list(group)
        if is_wanted:
            ranges.extend(
                (keys[at], keys[min(at + at_most, len(keys)) - 1]) for at in range(0, len(keys), at_most)
            )
    return ranges


def keys_of_run(
    run: dg.DagsterRun, partitions: dg.PartitionsDefinition[str], instance: dg.DagsterInstance
) -> list[str]:
    """Returns the partition keys that a run was asked for: one, a range, or none."""
    if PARTITION in run.tags:
        return [run.tags[PARTITION]]
    if RANGE_START not in run.tags:
        return []
    asked = dg.PartitionKeyRange(run.tags[RANGE_START], run.tags[RANGE_END])
    with dg.partition_loading_context(dynamic_partitions_store=instance):
        return list(partitions.get_partition_keys_in_range(asked))
