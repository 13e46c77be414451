"""How a run of fetched days ends: its metadata, and its failure with all that is needed to go on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from tg_fetcher_dagster.defs.checks import deletion_found
from tg_fetcher_dagster.defs.gauges import push_gauges
from tg_fetcher_dagster.defs.interruption import Interrupted, interruption, run_to_its_end
from tg_fetcher_dagster.defs.metadata import day_metadata
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.chat_days import kept_days
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.request import DayResult, FetchRequest
from tg_fetcher_dagster.fetching.run import fetch_chats
from tg_fetcher_dagster.settings import DefinitionSettings, Settings

FAILURES = "failures"
"""The metadata entry of a failed step: what failed, a partition key each."""

NAMED = 3
"""Days that a failure's description names."""

KeyOf = Callable[[DayResult], str]


def failure_of(failed: Sequence[DayResult], *, of: int, key_of: KeyOf, settings: Settings) -> dg.Failure:
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


def fetch_and_conclude(
    context: dg.AssetExecutionContext,
    requests: Sequence[FetchRequest],
    fetching: FetchContext,
    *,
    key_of: KeyOf,
    settings: DefinitionSettings,
) -> None:
    """Does a step's work: one materialisation for each day, or a failure that keeps what is durable.

    Returning lets Dagster emit one materialisation for every partition of the range; a step that gives up
    for good emits those of its durable days here, because no output of it counts. Not on an attempt that
    will be retried: they would be told twice.

    Raises:
        dagster.Failure: a day failed, or the process was asked to end.
    """
    try:
        reports = run_to_its_end(fetch_chats(requests, fetching))
    except Interrupted:
        kept = [report for request in requests for report in kept_days(request, fetching)]
        _materialize(context, kept, fetching, key_of)
        raise interruption(len(kept), of=sum(len(request.days) for request in requests)) from None
    except FetchError as error:
        reports = [
            DayResult(chat=request.chat, day=day, outcome="failed", error=error)
            for request in requests
            for day in request.days
        ]
    push_gauges(fetching.settings, reports)
    _materialize(context, [report for report in reports if not report.asked], fetching, key_of)
    reports = [report for report in reports if report.asked]
    failed = [report for report in reports if report.outcome == "failed"]
    if not failed:
        for report in reports:
            context.add_asset_metadata(day_metadata(report, fetching.store), partition_key=key_of(report))
        return
    if any(report.error and report.error.error_type is ErrorType.SUSPICIOUS_DELETION for report in failed):
        # Not as an event of this run: the checks that were planned for it are skipped, for it fails.
        context.instance.report_runless_asset_event(deletion_found(fetching.settings))
    failure = failure_of(failed, of=len(reports), key_of=key_of, settings=fetching.settings)
    if not failure.allow_retries or context.retry_number >= settings.max_retry_attempts:
        _materialize(context, [report for report in reports if report.outcome != "failed"], fetching, key_of)
    raise failure


def _materialize(
    context: dg.AssetExecutionContext,
    reports: Iterable[DayResult],
    fetching: FetchContext,
    key_of: KeyOf,
) -> None:
    for report in reports:
        context.log_event(
            dg.AssetMaterialization(
                asset_key=context.asset_key,
                partition=key_of(report),
                metadata=day_metadata(report, fetching.store),
            )
        )
