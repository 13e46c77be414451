"""The end of a run in the ledger: what it came to, and what becomes of the days that it has left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import dagster as dg
import structlog

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.fetching.day_measures import Fetching, measures_of_failure
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.ledger.attempts import AttemptEnd
from tg_fetcher_dagster.ledger.database import Ledger, now
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.requests.batch_end import Settled, note_failure, settle_batch
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.registration import RegisteredRun, end_run
from tg_fetcher_dagster.requests.retrying import How
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.settings import Settings

log = structlog.get_logger(__name__)

CANCELED: Final = frozenset({dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a step came to.

    Attributes:
        how: how it ended.
        error: why it failed, where it did.
    """

    how: How
    requests: int = 0
    days_fetched: int = 0
    days_failed: int = 0
    error: FetchError | None = None


def note_failures(
    ledger: Ledger, batch_id: str, failed: Sequence[DayReport], *, requests: Iterable[FetchRequest]
) -> None:
    """Notes and counts why days failed, before anybody decides what becomes of them.

    Args:
        ledger: where.
        batch_id: whose days.
        failed: they.
        requests: of the run, one a chat.
    """
    by_chat = {request.chat: Fetching.of(request) for request in requests}
    with ledger.write() as connection:
        found: list[Measure] = []
        for result in failed:
            if result.error is not None:
                note_failure(connection, batch_id, result.chat, result.day, result.error)
                found += measures_of_failure(
                    by_chat[result.chat], result.chat, result.error, seconds=result.seconds, now=now()
                )
        measure(connection, found)


def end_step(ledger: Ledger, settings: Settings, run: RegisteredRun, result: StepResult) -> Settled | None:
    """Settles a run's batch and notes what the run came to.

    A ledger that refuses now fails no run whose days are kept: the reconciler settles what is left.

    Returns:
        What became of the days that the run did not get; None where that is decided later.
    """
    try:
        return _end(ledger, settings, run, result)
    except FetchError as error:
        log.warning("the run's batch is settled later", batch_id=run.batch_id, error=error.message)
        return None


def _end(ledger: Ledger, settings: Settings, run: RegisteredRun, result: StepResult) -> Settled:
    settled = settle(ledger, settings, run.batch_id, how=result.how)
    end_run(
        ledger,
        run.run_id,
        end=_end_of(result, waits=bool(settled.waiting and not settled.failed)),
        requests=result.requests,
        days_fetched=result.days_fetched,
        days_failed=result.days_failed,
        error=result.error,
    )
    return settled


def settle(ledger: Ledger, settings: Settings, batch_id: str, *, how: How) -> Settled:
    """Brings every day that a run has left on its way; the second call for a batch changes nothing."""
    rules = Rules.from_settings(settings)
    return settle_batch(ledger, batch_id, rules=rules, how=how, events=EventMaker(settings.service_name))


def interrupted_by_operator(context: dg.AssetExecutionContext) -> bool:
    """True where somebody cancels the run; False where its process is asked to end for another reason."""
    run = context.instance.get_run_by_id(context.run.run_id)
    return run is not None and run.status in CANCELED


def _end_of(result: StepResult, *, waits: bool) -> AttemptEnd:
    if result.how == "cancelled":
        return "cancelled"
    if result.how != "ended":
        return "died"
    if waits:
        return "waits"
    return "failed" if result.error else "succeeded"
