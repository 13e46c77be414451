"""What becomes of a batch, judged by its run and by what each day came to. Pure.

A day that has its event is answered; a day without one, after its run ended badly, was left by a worker
that died, and gets a fresh run (a run is never resumed, and durable days are not read again).
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.requests.plan import AskedDays, Batch

MAX_DELAYS: Final = 24
"""Floods that one batch waits for; Telegram's longest are some hours each."""

DEFAULT_DELAY: Final = 60.0
"""Seconds, where a flood did not name its length."""

FAILED_EVENT: Final = "fetch_failed"


class RunStatus(StrEnum):
    """What is known of the run with a certain key."""

    ABSENT = "absent"
    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class RunState:
    """A run's status, and why it failed where the run itself could say so.

    `error.retry_after` of a rate_limit is counted from the moment of the tick that sees it first.
    """

    status: RunStatus
    error: FetchError | None = None


class DayOutcome(Protocol):
    """The event that answered a day (an event of `events.models` is one)."""

    @property
    def event(self) -> str:
        """`messages_fetched`, `fetch_skipped` or `fetch_failed`."""

    @property
    def error_type(self) -> str | None:
        """The sort of the failure."""

    @property
    def error(self) -> str | None:
        """The failure in one line."""


Outcomes = Mapping[tuple[str | None, dt.date | None], DayOutcome]
"""By chat key and day, as the outbox tells them of one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One `fetch_failed` that nobody has told yet.

    Attributes:
        request_id: the batch's id, or the claim's where no batch came of it.
        command_ids: who asked, as far as it could be read.
        chat: the chat key, or the likely one; None where not even a spelling could be read.
        day: None where no day could be read.
    """

    request_id: str
    command_ids: tuple[str, ...]
    correlation_id: str
    chat: str | None
    day: dt.date | None
    error: FetchError


class Step(StrEnum):
    """What to do with a batch now."""

    WAIT = "wait"
    START = "start"
    AGAIN = "again"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do with a batch now.

    Attributes:
        batch: the batch to keep; with AGAIN its next attempt.
        seconds: with AGAIN the seconds until it may start.
        untold: with DONE the days that got no event, and why.
        failed: with DONE all days that failed, those of `untold` included.
    """

    step: Step
    batch: Batch
    seconds: float = 0.0
    untold: dict[dt.date, FetchError] = field(default_factory=dict)
    failed: dict[dt.date, FetchError] = field(default_factory=dict)


def judge(batch: Batch, state: RunState, outcomes: Callable[[], Outcomes], *, max_attempts: int) -> Verdict:
    """Returns what to do with a batch.

    Args:
        batch: as it stands in the journal.
        state: of the run with the batch's present key.
        outcomes: reads what each chat and day of the request came to; called only when the run has ended.
        max_attempts: fresh runs after workers that died.
    """
    if state.status is RunStatus.ABSENT:
        return Verdict(step=Step.START, batch=batch)
    if state.status is RunStatus.ACTIVE:
        return Verdict(step=Step.WAIT, batch=batch)
    return _judge_ended(batch, state, outcomes(), max_attempts=max_attempts)


def _judge_ended(batch: Batch, state: RunState, told: Outcomes, *, max_attempts: int) -> Verdict:
    known = {day: outcome for (chat, day), outcome in told.items() if day and chat == batch.chat_key}
    failed = {day: _error_of(known[day]) for day in sorted(known) if known[day].event == FAILED_EVENT}
    flooded = {day for day in batch.days if day in failed and failed[day].error_type is ErrorType.RATE_LIMIT}
    missing = {day for day in batch.days if day not in known}
    if state.status is RunStatus.SUCCEEDED:
        # A flood that an earlier attempt told of has passed: this one read the day.
        failed = {day: error for day, error in failed.items() if day not in flooded}
        if not missing:
            return Verdict(step=Step.DONE, batch=batch, failed=failed)
        # A run may be green and have read another day: "today", when midnight has passed meanwhile.
        return _tried_again(batch, missing, state.error, failed, max_attempts=max_attempts)
    if state.status is RunStatus.CANCELED:
        return _ended(batch, missing, FetchError(ErrorType.INTERNAL, "canceled by an operator"), failed)
    if state.error and not state.error.retryable:
        return _ended(batch, missing, state.error, failed)
    if missing or flooded:
        return _tried_again(batch, missing | flooded, state.error, failed, max_attempts=max_attempts)
    return _ended(batch, missing, state.error, failed)


def asked_by(batch: Batch, day: dt.date) -> tuple[AskedDays, ...]:
    """Returns who asked for a day; everybody where nobody in particular did."""
    return batch.asked_on(day) or batch.asked


def _tried_again(
    batch: Batch,
    pending: set[dt.date],
    error: FetchError | None,
    failed: dict[dt.date, FetchError],
    *,
    max_attempts: int,
) -> Verdict:
    """The next attempt at the days that are left, or the end of all attempts."""
    flood = next(
        (
            each
            for each in (error, *(failed.get(day) for day in sorted(pending)))
            if each and each.error_type is ErrorType.RATE_LIMIT
        ),
        None,
    )
    missing = {day for day in pending if day not in failed}
    narrowed = {"first": min(pending), "last": max(pending), "attempt": batch.attempt + 1}
    if flood and batch.delays < MAX_DELAYS:
        again = batch.model_copy(update={**narrowed, "delays": batch.delays + 1})
        return Verdict(step=Step.AGAIN, batch=again, seconds=flood.retry_after or DEFAULT_DELAY)
    if not flood and batch.losses < max_attempts:
        again = batch.model_copy(update={**narrowed, "losses": batch.losses + 1})
        return Verdict(step=Step.AGAIN, batch=again, seconds=error.retry_after or 0.0 if error else 0.0)
    reason = error or flood
    if reason is None:
        reason = FetchError(
            ErrorType.INTERNAL,
            f"the run ended without a word on this day, {batch.attempt} times (its worker was killed?)",
        )
    return _ended(batch, missing, reason, failed)


def _ended(
    batch: Batch, missing: set[dt.date], error: FetchError | None, failed: dict[dt.date, FetchError]
) -> Verdict:
    untold = dict.fromkeys(sorted(missing), error) if error else {}
    both = {**failed, **untold}
    return Verdict(
        step=Step.DONE, batch=batch, untold=untold, failed={day: both[day] for day in sorted(both)}
    )


def _error_of(outcome: DayOutcome) -> FetchError:
    known = outcome.error_type in set(ErrorType)
    error_type = ErrorType(str(outcome.error_type)) if known else ErrorType.INTERNAL
    return FetchError(error_type, outcome.error or "failed without a reason")
