"""How a step fails: in its first line the cause, and then what a person should do.

Dagster shows the text of what was raised. Under its own RetryPolicy that is "RetryRequestedFromPolicy" at a
try that is repeated and "Exceeded max_retries of 3" after the last one, with the cause 30 frames deep. So a
step asks for the tries of its policy itself, in words, and fails for good with a Failure that allows none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from tg_fetcher_dagster.errors import SORTS, ErrorSort, ErrorType, FetchError, advice
from tg_fetcher_dagster.logs.legible import legible
from tg_fetcher_dagster.requests.batch_end import Settled
from tg_fetcher_dagster.requests.wording import counted
from tg_fetcher_dagster.settings import DefinitionSettings, Settings

FAILURES: Final = "failures"
"""The metadata entry of a failed step: what failed, a partition key each."""

NAMED: Final = 3
"""Reasons that a failure's description names, each with the first of its days."""


class TriedAgain(dg.RetryRequested):
    """Asks Dagster to try the step again; what it prints of it is why.

    Attributes:
        why: one line.
        error_type: the first sort of error that it failed with.
    """

    def __init__(self, why: str, *, error_type: ErrorType, max_retries: int, seconds_to_wait: float) -> None:
        super().__init__(max_retries, seconds_to_wait)
        self.why = legible(why)
        self.error_type = error_type

    def __str__(self) -> str:
        return self.why


def retry_policy(settings: DefinitionSettings) -> dg.RetryPolicy:
    """Returns the assets' policy: MAX_RETRY_ATTEMPTS further tries, after pauses that grow and vary.

    So many runs that fail together do not come back together.
    """
    return dg.RetryPolicy(
        max_retries=settings.max_retry_attempts,
        delay=settings.retry_backoff_factor,
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a step is tried.

    Attributes:
        made: tries before this one.
        policy: the asset's, which says how many more there may be and how long the pauses are.
    """

    made: int
    policy: dg.RetryPolicy

    @classmethod
    def of(cls, context: dg.AssetExecutionContext, settings: DefinitionSettings) -> "Tries":
        """Returns where a step stands among its tries."""
        return cls(context.retry_number, retry_policy(settings))

    @property
    def allowed(self) -> int:
        """Further tries after the first one."""
        return self.policy.max_retries

    @property
    def another(self) -> bool:
        """True where one more is allowed."""
        return self.made < self.allowed

    def again(self, cause: str, error_type: ErrorType) -> TriedAgain:
        """Returns what asks for another try, after the policy's pause."""
        pause = self.policy.calculate_delay(self.made + 1)
        said = (
            f"try {self.made + 1} of {self.allowed + 1} failed, the next one begins in {pause:.0f} s: {cause}"
        )
        return TriedAgain(
            said, error_type=error_type, max_retries=self.allowed, seconds_to_wait=round(pause, 1)
        )


def worth_a_retry(errors: Mapping[str, FetchError], settings: Settings) -> bool:
    """True where another try in the same run may help.

    What is waited for (a long flood, a busy account, a full disk) gives the run's slot back instead.
    """
    return any(
        SORTS.get(error.error_type) is ErrorSort.RETRIED or _passes_soon(error, settings)
        for error in errors.values()
    )


def out_of_round(error: FetchError) -> bool:
    """True where a chat cannot be read: it leaves the daily round, which is no failure of the round."""
    return error.error_type in {ErrorType.NO_ACCESS, ErrorType.NOT_FOUND}


def _passes_soon(error: FetchError, settings: Settings) -> bool:
    """True for a short flood. A busy account was waited for already: more tries are in vain."""
    flood = error.error_type is ErrorType.RATE_LIMIT
    return flood and error.retry_after is not None and error.retry_after <= settings.flood_wait_in_run


def cause_of(errors: Mapping[str, FetchError], *, of: int) -> str:
    """Returns which days were not fetched and why, in one line.

    Args:
        errors: why, by partition key.
        of: how many days were asked for.
    """
    by_reason: dict[str, list[str]] = {}
    for key, error in errors.items():
        by_reason.setdefault(error.message, []).append(key)
    told = "; ".join(f"{_first_of(keys)}: {reason}" for reason, keys in list(by_reason.items())[:NAMED])
    others = sum(map(len, list(by_reason.values())[NAMED:]))
    more = f"; and {others} more for other reasons" if others else ""
    return f"{len(errors)} of {counted(of, 'day')} not fetched: {told}{more}"


def _first_of(keys: Sequence[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{keys[0]} and {len(keys) - 1} more"


def days_failed(errors: Mapping[str, FetchError], *, of: int, settled: Settled | None) -> dg.Failure:
    """Returns the failure of a step in which days failed for good.

    Args:
        errors: why, by partition key; one at least.
        of: how many days were asked for.
        settled: what becomes of them; None where the reconciler will see to that.
    """
    prospect = prospect_of(settled) if settled is not None else None
    cause = cause_of(errors, of=of)
    return failure(
        f"{prospect}: {cause}" if prospect else cause,
        [error.error_type for error in errors.values()],
        metadata={FAILURES: dg.MetadataValue.json({key: _told(error) for key, error in errors.items()})},
    )


def refused(error: FetchError) -> dg.Failure:
    """Returns the failure of a step that came to nothing for one reason."""
    return failure(error.message, [error.error_type])


def broken_off(error: FetchError, tries: Tries) -> dg.Failure | TriedAgain:
    """Returns how a step ends that could not begin, or go on: with another try where that may help."""
    if error.retryable and tries.another:
        return tries.again(error.message, error.error_type)
    return refused(error)


def failure(
    cause: str, error_types: Iterable[ErrorType], metadata: Mapping[str, Any] | None = None
) -> dg.Failure:
    """Returns a failure that is not tried again: in one line the cause and what a person should do."""
    sorts = list(error_types)
    return dg.Failure(
        f"{legible(cause)}. What to do: {advice(sorts)}",
        metadata={**(metadata or {}), "error_type": sorts[0].value},
        allow_retries=False,
    )


def prospect_of(settled: Settled) -> str | None:
    """Returns what becomes by itself of the days that a run did not get; None where some were given up."""
    if settled.failed or settled.until is None:
        return None
    at = f"{datetime.fromtimestamp(settled.until, UTC):%Y-%m-%d %H:%M} UTC"
    if settled.waiting:
        return f"waits until {at}; it will be done by itself"
    return f"another run tries again after {at}" if settled.again else None


def _told(error: FetchError) -> dict[str, Any]:
    return {"error": error.message, "error_type": error.error_type.value, "retry_after": error.retry_after}


def sort_of(told: dg.Failure | TriedAgain) -> ErrorType:
    """Returns the first sort of error that a step failed with."""
    if isinstance(told, TriedAgain):
        return told.error_type
    noted = told.metadata.get("error_type")
    return ErrorType(noted.value) if isinstance(noted, dg.TextMetadataValue) else ErrorType.INTERNAL
