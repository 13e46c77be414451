"""Days that the ledger knows and Dagster does not: their partitions and materialisations are made again.

What Dagster knows already stays as it is, so this may be ended at any moment and begun again.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import dagster as dg
from pydantic import ValidationError

from tg_fetcher_dagster.defs.checks import ASSET
from tg_fetcher_dagster.defs.metadata import day_metadata
from tg_fetcher_dagster.defs.partitions import CHATS, chat_day_key
from tg_fetcher_dagster.fetching.request import DayReport
from tg_fetcher_dagster.ledger.day_pages import ReadDay
from tg_fetcher_dagster.requests.registration import run_of_batch
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.paths import Store


def show_again(
    instance: dg.DagsterInstance, days: Iterable[ReadDay], store: Store, *, first: dt.date, last: dt.date
) -> int:
    """Shows days that Dagster does not know; returns how many.

    Args:
        instance: where they are shown.
        days: sorted by chat.
        store: where their files are, which their metadata counts.
        first: the first partition (HISTORY_START); earlier days are not shown.
        last: the last partition: yesterday.
    """
    known = instance.get_materialized_partitions(ASSET)
    chats = set(instance.get_dynamic_partitions(CHATS.name or ""))
    shown = 0
    for day in days:
        key = str(chat_day_key(day.chat, day.date))
        if day.chat not in chats:
            instance.add_dynamic_partitions(CHATS.name or "", [day.chat])
            chats.add(day.chat)
        if key in known or not first <= day.date <= last:
            continue
        instance.report_runless_asset_event(
            dg.AssetMaterialization(asset_key=ASSET, partition=key, metadata=_metadata(day, store))
        )
        shown += 1
    return shown


def _metadata(day: ReadDay, store: Store) -> dict[str, Any]:
    try:
        coverage = Coverage.model_validate_json(day.coverage) if day.coverage is not None else None
    except ValidationError:
        coverage = None
    if coverage is None:
        return {
            "outcome": "not proved",
            "dagster/partition_row_count": day.message_count or 0,
            "messages": day.message_count or 0,
            "checksum_sha256": day.checksum_sha256 or "",
        }
    result = DayReport(chat=day.chat, day=day.date, outcome="skipped", coverage=coverage)
    known = day_metadata(result, store, read_by=run_of_batch(coverage.event_request))
    return {**known, "outcome": "made again from the files"}
