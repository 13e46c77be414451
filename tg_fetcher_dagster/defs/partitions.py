"""How work is cut: a chat and a day make a partition (docs.dagster.io, "Partitioning assets").

Chats are dynamic partitions, added by a sensor or by a command and never deleted by a machine (deleting
a chat's partition under a running run kills the run). Days begin at HISTORY_START; today is no partition
until midnight, which is why the unfinished day has an asset of its own.
"""

from collections.abc import Mapping
from datetime import date

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


def range_tags(chats: tuple[str, str], days: tuple[date, date]) -> Mapping[str, str]:
    """Returns the tags that ask for the rectangle `chats x days`, both ends included.

    Dagster orders chats by when they were added, so a range of chats means neighbours in that order.
    """
    return {
        RANGE_START: str(chat_day_key(chats[0], days[0])),
        RANGE_END: str(chat_day_key(chats[1], days[1])),
    }


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


def is_today(run: dg.DagsterRun) -> bool:
    """True for a run of `messages_today`, whose partitions are chats."""
    return run.job_name == "fetch_today" or dg.AssetKey("messages_today") in (run.asset_selection or ())


def asked_keys(run: dg.DagsterRun, settings: DefinitionSettings, instance: dg.DagsterInstance) -> list[str]:
    """Returns the partition keys that a run of either asset was asked for."""
    return keys_of_run(run, CHATS if is_today(run) else chat_days(settings), instance)
