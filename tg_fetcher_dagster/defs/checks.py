"""Whether a day's file is what it should be: one result of each check (docs.dagster.io, "Asset checks").

Read back from the disk, a line at a time: a check that looked at what is in memory would prove nothing of
what readers will find. The step that made the days evaluates them, under each day's own partition: Dagster
skips the steps of separate checks where one day of a run has failed, and knows no partition in a range.
"""

import warnings
from collections.abc import Iterator
from typing import Final

import dagster as dg

from tg_fetcher_dagster.defs.check_results import (
    CheckResult,
    deletion_result,
    ids_result,
    missing_result,
    references_result,
    schema_result,
)
from tg_fetcher_dagster.settings import DefinitionSettings
from tg_fetcher_dagster.storage.candidates import Candidate, read_candidate
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.day_file_check import check_day_file
from tg_fetcher_dagster.storage.paths import DayPaths

ASSET: Final = dg.AssetKey("messages")

SCHEMA: Final = "schema_valid"
IDS: Final = "ids_unique_and_inside_the_day"
REFERENCES: Final = "replies_and_senders_resolvable"
NO_DELETION: Final = "no_suspicious_deletion"
NOTHING_MISSING: Final = "nothing_missing"

DESCRIPTIONS: Final = {
    SCHEMA: "Each message of the day file reads as its schema says, and they are as many as the record says."
    "\n\n**Red**: the file was changed or damaged. `tg-fetcher rebuild CHAT --date DATE` makes it again from"
    " what Telegram gave, without a request.",
    IDS: "No message id stands twice and no message is of another day. Ids between the first and the last"
    " that are no message were deleted, or belong to other chats, and are no fault."
    "\n\n**Red**: `tg-fetcher rebuild CHAT --date DATE`; if it stays, `tg-fetcher fetch CHAT --date DATE"
    " --force`.",
    REFERENCES: "Every sender has a name, and no message answers one that is newer than itself."
    "\n\n**Red**: `tg-fetcher rebuild CHAT --date DATE`.",
    NO_DELETION: "No reading that lacks many messages of the kept day waits to be confirmed."
    "\n\n**Red**: look into the chat. If the messages are gone indeed, `tg-fetcher accept CHAT DATE`; a"
    " reading a day later decides it, too. Until then the earlier file stays.",
    NOTHING_MISSING: "Nothing of the day is known to be missing: no message, no comments, no file."
    "\n\n**Yellow**: the first faults say what and why. What another reading may give: `tg-fetcher fetch CHAT"
    " --date DATE --force`.",
}

NAMED: Final = 20
"""Findings that the metadata lists."""


def check_specs(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetCheckSpec]:
    """Returns the checks of `messages`, partitioned as the asset is."""
    # Dagster 1.13 tells everybody at every load that partitioned checks are a preview, which we know.
    warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec")
    return [
        dg.AssetCheckSpec(name, asset=ASSET, description=description, partitions_def=partitions)
        for name, description in DESCRIPTIONS.items()
    ]


def evaluations_of(
    paths: DayPaths, coverage: Coverage, *, settings: DefinitionSettings, key: str
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yields one result of each check of a day that is kept.

    Args:
        paths: where the day's files are.
        coverage: what is proved of it.
        settings: with the zone of the day's bounds.
        key: the day's partition.
    """
    found = check_day_file(paths, zone=settings.zone, key=key)
    yield _evaluation(SCHEMA, key, schema_result(found, coverage))
    yield _evaluation(IDS, key, ids_result(found, coverage))
    yield _evaluation(REFERENCES, key, references_result(found))
    yield deletion_evaluation(key, read_candidate(paths))
    yield _evaluation(
        NOTHING_MISSING, key, missing_result(key, coverage), severity=dg.AssetCheckSeverity.WARN
    )


def output_of_check(name: str) -> dg.Output[None]:
    """Returns the output that Dagster expects of a step for each of its checks, beside the results."""
    spec = dg.AssetCheckSpec(name, asset=ASSET)
    return dg.Output(None, output_name=spec.get_python_identifier())


def deletion_evaluation(
    key: str, candidate: Candidate | None, *, doubt: str | None = None
) -> dg.AssetCheckEvaluation:
    """Returns the result of the one check that also a failed day has: whether a deletion is in doubt."""
    return _evaluation(NO_DELETION, key, deletion_result(key, candidate, doubt=doubt))


def _evaluation(
    name: str,
    key: str,
    result: CheckResult,
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=ASSET,
        check_name=name,
        passed=not result.faults,
        description=result.said,
        metadata={
            **result.numbers,
            "faults": dg.MetadataValue.int(len(result.faults)),
            "first_faults": dg.MetadataValue.json(list(result.faults[:NAMED])),
        },
        severity=severity,
        partition=key,
    )
