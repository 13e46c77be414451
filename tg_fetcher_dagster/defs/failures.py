"""How a step fails in which days failed: one line for people, and whether Dagster tries it again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from tg_fetcher_dagster.errors import SORTS, ErrorSort, ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings

FAILURES: Final = "failures"
"""The metadata entry of a failed step: what failed, a partition key each."""

NAMED: Final = 3
"""Days that a failure's description names."""


def worth_a_retry(errors: Mapping[str, FetchError], settings: Settings) -> bool:
    """True where another try in the same run may help.

    What is waited for (a long flood, a busy account, a full disk) gives the run's slot back instead.
    """
    return any(
        SORTS.get(error.error_type) is ErrorSort.RETRIED or _passes_soon(error, settings)
        for error in errors.values()
    )


def _passes_soon(error: FetchError, settings: Settings) -> bool:
    """True for a short flood. A busy account was waited for already: more tries are in vain."""
    flood = error.error_type is ErrorType.RATE_LIMIT
    return flood and error.retry_after is not None and error.retry_after <= settings.flood_wait_in_run


def failure_of(
    errors: Mapping[str, FetchError], *, of: int, retries: bool, waits: float | None = None
) -> dg.Failure:
    """Returns the failure of a step in which days failed.

    Args:
        errors: why, by partition key.
        of: how many days were asked for.
        retries: whether Dagster tries the step again.
        waits: until when (seconds since 1970) the days wait that somebody comes back to; None where nobody
            does.
    """
    told = "; ".join(f"{key}: {error.message}" for key, error in list(errors.items())[:NAMED])
    more = f"; and {len(errors) - NAMED} more" if len(errors) > NAMED else ""
    said = f"{len(errors)} of {of} days not fetched: {told}{more}"
    first = next(iter(errors.values()), None)
    return dg.Failure(
        description=said if waits is None else f"{waiting(waits)}: {said}",
        metadata={
            FAILURES: dg.MetadataValue.json({key: _told(error) for key, error in errors.items()}),
            "error_type": (first.error_type if first else ErrorType.INTERNAL).value,
        },
        allow_retries=retries,
    )


def refused(error: FetchError) -> dg.Failure:
    """Returns the failure of a step that could not begin: one line, tried again only where that may help."""
    return dg.Failure(
        error.message, metadata={"error_type": error.error_type.value}, allow_retries=error.retryable
    )


def waiting(until: float) -> str:
    """Returns what a run says whose days wait for something that passes."""
    return f"waits until {datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC; it will be done by itself"


def _told(error: FetchError) -> dict[str, Any]:
    return {"error": error.message, "error_type": error.error_type.value, "retry_after": error.retry_after}
