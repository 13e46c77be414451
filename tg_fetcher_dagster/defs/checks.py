"""Whether a day's file is what it should be: one result of each check (docs.dagster.io, "Asset checks").

Read back from the disk, a line at a time: a check that looked at what is in memory would prove nothing of
what readers will find. The step that made the days evaluates them, under each day's own partition: Dagster
skips the steps of separate checks where one day of a run has failed, and knows no partition in a range.
"""

import warnings
from collections.abc import Iterator, Sequence
from typing import Final

import dagster as dg

from tg_fetcher_dagster.settings import DefinitionSettings
from tg_fetcher_dagster.storage.candidates import read_candidate
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
    SCHEMA: "Each message reads as schema 1.0 says.",
    IDS: "No id twice, none outside the day.",
    REFERENCES: "Every sender has a name, and no message answers one that is newer than itself.",
    NO_DELETION: "No reading that lacks many messages of the kept day waits to be confirmed.",
    NOTHING_MISSING: "Nothing of the day is known to be missing: no message, no comments, no file.",
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
    yield _evaluation(SCHEMA, key, found.schema)
    yield _evaluation(IDS, key, found.ids)
    yield _evaluation(REFERENCES, key, found.references)
    yield deletion_evaluation(key, in_doubt=read_candidate(paths) is not None)
    missing = [f"{key}: {loss.what}: {loss.why}" for loss in coverage.lost]
    yield _evaluation(NOTHING_MISSING, key, missing, severity=dg.AssetCheckSeverity.WARN)


def output_of_check(name: str) -> dg.Output[None]:
    """Returns the output that Dagster expects of a step for each of its checks, beside the results."""
    spec = dg.AssetCheckSpec(name, asset=ASSET)
    return dg.Output(None, output_name=spec.get_python_identifier())


def deletion_evaluation(key: str, *, in_doubt: bool) -> dg.AssetCheckEvaluation:
    """Returns the result of the one check that also a failed day has: whether a deletion is in doubt."""
    return _evaluation(NO_DELETION, key, [key] if in_doubt else [])


def _evaluation(
    name: str,
    key: str,
    faults: Sequence[str],
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=ASSET,
        check_name=name,
        passed=not faults,
        metadata={
            "faults": dg.MetadataValue.int(len(faults)),
            "first_faults": dg.MetadataValue.json(list(faults[:NAMED])),
        },
        severity=severity,
        partition=key,
    )
