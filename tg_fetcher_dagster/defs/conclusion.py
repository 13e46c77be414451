"""How a run of fetched days ends: its metadata, and its failure with all that is needed to go on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.request import DayReport
from tg_fetcher_dagster.settings import Settings

FAILURES = "failures"
"""The metadata entry of a failed step: what failed, a partition key each."""

NAMED = 3
"""Days that a failure's description names."""

KeyOf = Callable[[DayReport], str]


def failure_of(failed: Sequence[DayReport], *, of: int, key_of: KeyOf, settings: Settings) -> dg.Failure:
    """Returns the failure of a step in which days failed.

    It is retried where another try may help and the wait that Telegram asked for fits into the run: a
    longer flood gives the run's slot back.
    """
    errors = [report.error for report in failed if report.error is not None]
    told = "; ".join(f"{key_of(report)}: {report.error}" for report in failed[:NAMED])
    more = f"; and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    return dg.Failure(
        description=f"{len(failed)} of {of} days not fetched: {told}{more}",
        metadata={
            FAILURES: dg.MetadataValue.json({key_of(report): _told(report.error) for report in failed}),
            "error_type": errors[0].error_type.value if errors else ErrorType.INTERNAL.value,
        },
        allow_retries=any(_worth_a_retry(error, settings) for error in errors),
    )


def _worth_a_retry(error: FetchError, settings: Settings) -> bool:
    return error.retryable and (error.retry_after or 0) <= settings.flood_wait_in_run


def _told(error: FetchError | None) -> dict[str, Any]:
    if error is None:
        return {"error": "not reached", "error_type": ErrorType.INTERNAL.value, "retry_after": None}
    return {"error": error.message, "error_type": error.error_type.value, "retry_after": error.retry_after}


def failures_of(metadata: Mapping[str, Any] | None) -> dict[str, FetchError]:
    """Returns what a failed step said of each partition key; empty where the step died without a word."""
    entry = (metadata or {}).get(FAILURES)
    value = getattr(entry, "value", None)
    if not isinstance(value, dict):
        return {}
    return {
        key: FetchError(ErrorType(told["error_type"]), told["error"], retry_after=told["retry_after"])
        for key, told in value.items()
    }


def conclude(
    context: dg.AssetExecutionContext,
    reports: Sequence[DayReport],
    *,
    key_of: KeyOf,
    settings: Settings,
    max_retries: int,
    metadata_of: Callable[[DayReport], Mapping[str, Any]],
) -> None:
    """Ends a step: one materialisation for each day, or a failure that keeps the days that are durable.

    Returning lets Dagster emit one materialisation for every partition of the range; a step that gives up
    for good emits those of its durable days here, because no output of it counts. Not on an attempt that
    will be retried: they would be told twice.

    Raises:
        dagster.Failure: a day failed.
    """
    failed = [report for report in reports if report.outcome == "failed"]
    if not failed:
        for report in reports:
            context.add_asset_metadata(metadata_of(report), partition_key=key_of(report))
        return
    failure = failure_of(failed, of=len(reports), key_of=key_of, settings=settings)
    if not failure.allow_retries or context.retry_number >= max_retries:
        for report in reports:
            if report.outcome != "failed":
                context.log_event(
                    dg.AssetMaterialization(
                        asset_key=context.asset_key, partition=key_of(report), metadata=metadata_of(report)
                    )
                )
    raise failure
