"""Whether the files of the days that a run made are what they should be (docs.dagster.io, "Asset checks").

Read back from the disk, a line at a time: a check that looked at what is in memory would prove nothing of
what readers will find.
"""

import re
from collections.abc import Iterator
from typing import Any

import dagster as dg

from tg_fetcher_dagster.chats.spelling import KEY_PATTERN
from tg_fetcher_dagster.defs.partitions import by_chat, chat_day_key, chat_days, keys_of_run
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.candidates import days_with_candidates
from tg_fetcher_dagster.storage.coverage import read_coverage
from tg_fetcher_dagster.storage.day_file_check import Findings, check_day_file
from tg_fetcher_dagster.storage.paths import Store

ASSET = "messages"

NO_DELETION = "no_suspicious_deletion"

SPECS = [
    dg.AssetCheckSpec("schema_valid", asset=ASSET, description="Each message reads as schema 1.0 says."),
    dg.AssetCheckSpec("ids_unique_and_inside_the_day", asset=ASSET, description="No id twice, none outside."),
    dg.AssetCheckSpec(
        "replies_and_senders_resolvable",
        asset=ASSET,
        description="Every sender has a name, and no message answers one that is newer than itself.",
    ),
    dg.AssetCheckSpec(
        NO_DELETION,
        asset=ASSET,
        description="No day waits for a deletion of many messages to be confirmed, whichever run found it.",
    ),
]

NAMED = 20
"""Findings that the metadata lists."""


def _days_of(context: dg.AssetCheckExecutionContext, settings: Settings) -> Iterator[Findings]:
    store = Store.of(settings)
    ledger = Ledger.open(settings.ledger_location)
    keys = keys_of_run(context.run, chat_days(settings), context.instance)
    for chat, days in by_chat(keys).items():
        for day in days:
            paths = store.day(chat, day)
            if read_coverage(ledger, paths) is not None:
                yield check_day_file(paths, zone=settings.zone, key=str(chat_day_key(chat, day)))


@dg.multi_asset_check(specs=SPECS, name="day_files")
def day_files(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Checks the day files of the run's partitions."""
    settings = Settings.read()
    findings = list(_days_of(context, settings))
    told: dict[str, list[str]] = {
        "schema_valid": [line for each in findings for line in each.schema],
        "ids_unique_and_inside_the_day": [line for each in findings for line in each.ids],
        "replies_and_senders_resolvable": [line for each in findings for line in each.references],
    }
    for name, faults in told.items():
        yield dg.AssetCheckResult(
            asset_key=ASSET,
            check_name=name,
            passed=not faults,
            metadata={"days": len(findings), "faults": len(faults), "first_faults": faults[:NAMED]},
        )
    doubted = doubted_days(settings)
    yield dg.AssetCheckResult(
        asset_key=ASSET, check_name=NO_DELETION, passed=not doubted, metadata=_told(doubted)
    )


def doubted_days(settings: Settings) -> list[str]:
    """Returns the keys of all days that wait for a deletion to be confirmed, by the files."""
    store = Store.of(settings)
    return [
        str(chat_day_key(chat, day))
        for chat in store.chats()
        if re.fullmatch(KEY_PATTERN, chat)
        for day in sorted(days_with_candidates(store, chat))
    ]


def deletion_found(settings: Settings) -> dg.AssetCheckEvaluation:
    """Returns the failed check, for a step that fails to report: checks of its run are skipped."""
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(ASSET),
        check_name=NO_DELETION,
        passed=False,
        metadata=_told(doubted_days(settings)),
    )


def _told(doubted: list[str]) -> dict[str, Any]:
    return {"days_in_doubt": len(doubted), "first_days": doubted[:NAMED]}


@dg.definitions
def checks() -> dg.Definitions:
    """Returns the checks."""
    return dg.Definitions(asset_checks=[day_files])
