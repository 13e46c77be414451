"""What a step of `messages` does: it registers, fetches days, shows each in Dagster, and settles its batch.

Days are shown once, when the step is over: where all went well Dagster emits one materialisation for each
partition; where a day failed for good, or the process was asked to end, the step emits those of the days that
are kept, since no output of a failing step counts. Not on an attempt that will be tried again: they would be
told twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from tg_fetcher_dagster.chats.spelling import ChatSpelling
from tg_fetcher_dagster.days import day_of
from tg_fetcher_dagster.defs.asked_days import AskedDays, days_of_chats, days_of_keys
from tg_fetcher_dagster.defs.config import FetchConfig, requests_of
from tg_fetcher_dagster.defs.failures import (
    TriedAgain,
    Tries,
    broken_off,
    cause_of,
    days_failed,
    out_of_round,
    refused,
    worth_a_retry,
)
from tg_fetcher_dagster.defs.gauges import push_gauges
from tg_fetcher_dagster.defs.interruption import Interrupted, interruption, run_to_its_end
from tg_fetcher_dagster.defs.materialisations import ShownDays, StepEvent
from tg_fetcher_dagster.defs.resources import TelethonResource
from tg_fetcher_dagster.defs.run_end import StepResult, end_step, interrupted_by_operator, note_failures
from tg_fetcher_dagster.defs.run_tags import tags_of
from tg_fetcher_dagster.defs.tries_told import tell_of_try
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.chat_days import kept_days
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.failures import failure_of
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.fetching.run import fetch_chats
from tg_fetcher_dagster.logs.lines import log_context
from tg_fetcher_dagster.requests.batch_end import Settled
from tg_fetcher_dagster.requests.registration import RegisteredRun, begin_run
from tg_fetcher_dagster.settings import DefinitionSettings


@dataclass(frozen=True, kw_only=True)
class FetchStep:
    """One attempt of a step that has registered in the ledger.

    Attributes:
        context: Dagster's.
        telegram: with the settings, the ledger and Telegram.
        fetching: what days are made with.
        run: who it is in the ledger.
        asked: what its partitions ask for.
        requests: the same, one a chat.
        shown: how its days are shown.
    """

    context: dg.AssetExecutionContext
    telegram: TelethonResource
    fetching: FetchContext
    run: RegisteredRun
    asked: AskedDays
    requests: Sequence[FetchRequest]
    shown: ShownDays


def fetch_step(
    context: dg.AssetExecutionContext,
    config: FetchConfig,
    telegram: TelethonResource,
    settings: DefinitionSettings,
    *,
    today: bool = False,
) -> Iterator[StepEvent]:
    """Does a step's work and yields what Dagster is to note of it.

    Args:
        context: Dagster's.
        config: what the run was told.
        telegram: the run's settings, ledger and Telegram.
        settings: that shaped the definitions: how often Dagster tries a step again.
        today: the partitions are chats, and their unfinished day is meant.

    Raises:
        dagster.Failure: a day failed, the process was asked to end, or the run has nothing to do here. In a
            daily round a chat that cannot be read is told and leaves the round: no failure of the run.
        TriedAgain: the step failed, and another try may help.
    """
    tries = Tries.of(context, settings)
    try:
        yield from _step(_registered(context, config, telegram, today=today), tries)
    except (TriedAgain, dg.Failure) as told:
        tell_of_try(context, told, tries)
        raise
    except Exception as error:  # noqa: BLE001 - told by its first line, and with its trace in the log
        why = broken_off(failure_of(error, about="the step"), tries)
        tell_of_try(context, why, tries)
        raise why from (None if isinstance(error, FetchError) else error)


def _step(step: FetchStep, tries: Tries) -> Iterator[StepEvent]:
    results = _fetched(step)
    telegram, context = step.telegram, step.context
    push_gauges(telegram.settings, results)
    asked = [result for result in results if result.asked]
    failed = [result for result in asked if result.outcome == "failed"]
    errors = {
        **step.asked.refused,
        **{step.shown.key_of(each.chat, each.day): _error_of(each) for each in failed},
    }
    if errors:
        note_failures(telegram.ledger, step.run.batch_id, failed, requests=step.requests)
        if tries.another and worth_a_retry(errors, telegram.settings):
            first = next(iter(errors.values()))
            raise tries.again(cause_of(errors, of=step.asked.count), first.error_type)
        step.shown.log(results)
        step.shown.log_doubts(failed)
        failure = _failed(step, results, errors)
        if not (step.run.daily and all(out_of_round(error) for error in errors.values())):
            raise failure
        context.log.warning("%s", failure.description)
        yield from step.shown.no_more()
        return
    step.shown.log([result for result in results if not result.asked])
    yield from step.shown.emit(asked)
    _end(step, results, None)


def _registered(
    context: dg.AssetExecutionContext, config: FetchConfig, telegram: TelethonResource, *, today: bool
) -> FetchStep:
    fetching = telegram.fetching()

    def key_of(spelling: ChatSpelling) -> str | None:
        known = fetching.identities.find(spelling)
        return known.key if known is not None else None

    present = day_of(fetching.now(), telegram.settings.zone)
    keys = context.partition_keys
    asked = days_of_chats(keys, present, key_of=key_of) if today else days_of_keys(keys, key_of=key_of)
    if not asked.chats:
        none = FetchError(ErrorType.VALIDATION, "the run's range of partitions is empty: nothing is read")
        raise next(iter(asked.refused.values()), none)
    run = begin_run(
        telegram.ledger,
        run_id=context.run.run_id,
        batch_id=config.batch_id,
        parent_run_id=context.run.parent_run_id,
        chats=asked.chats,
        today=today,
        force=config.force,
        limit=config.limit,
        account=telegram.settings.telegram_account,
    )
    if not run.asked_here:
        days = [day for each in asked.chats.values() for day in each]
        tags = tags_of(list(asked.chats), min(days), max(days), today=today, asked_by=["the UI"])
        context.instance.add_run_tags(context.run.run_id, tags)
    if today:  # a run that begins after midnight still reads the day that was asked for
        asked = days_of_chats(keys, run.first, key_of=key_of)
    return FetchStep(
        context=context,
        telegram=telegram,
        fetching=fetching,
        run=run,
        asked=asked,
        requests=requests_of(config, asked.chats, batch_id=run.batch_id, today=today),
        shown=ShownDays(context, fetching, asked),
    )


def _fetched(step: FetchStep) -> list[DayReport]:
    """Returns one result a day; where nothing can be read at all, each day failed."""
    try:
        with log_context(batch_id=step.run.batch_id, retry_count=step.context.retry_number):
            return run_to_its_end(fetch_chats(step.requests, step.fetching), step.telegram.heartbeat)
    except Interrupted:
        raise _interrupted(step) from None
    except FetchError as error:
        return [
            DayReport(chat=request.chat, day=day, outcome="failed", error=error)
            for request in step.requests
            for day in request.days
        ]


def _interrupted(step: FetchStep) -> dg.Failure:
    """Shows the days that are kept and says what becomes of the others; returns the step's failure."""
    kept = [result for request in step.requests for result in kept_days(request, step.fetching)]
    step.shown.log(kept)
    heartbeat = step.telegram.heartbeat
    if heartbeat is not None and heartbeat.ended:
        return refused(
            FetchError(ErrorType.VALIDATION, f"batch {step.run.batch_id} was ended by others: the run stops")
        )
    cancelled = interrupted_by_operator(step.context)
    end_step(
        step.telegram.ledger,
        step.telegram.settings,
        step.run,
        StepResult(how="cancelled" if cancelled else "never_began", days_fetched=len(kept)),
    )
    return interruption(len(kept), of=step.asked.count)


def _failed(step: FetchStep, results: Sequence[DayReport], errors: Mapping[str, FetchError]) -> dg.Failure:
    """Settles the batch of a step that failed for good; returns its failure."""
    settled = _end(step, results, next(iter(errors.values())))
    return days_failed(errors, of=step.asked.count, settled=settled)


def _end(step: FetchStep, results: Sequence[DayReport], error: FetchError | None) -> Settled | None:
    return end_step(
        step.telegram.ledger,
        step.telegram.settings,
        step.run,
        StepResult(
            how="ended",
            requests=sum(result.requests for result in results),
            days_fetched=sum(result.outcome != "failed" for result in results),
            days_failed=sum(result.outcome == "failed" for result in results),
            error=error,
        ),
    )


def _error_of(result: DayReport) -> FetchError:
    return result.error or FetchError(ErrorType.INTERNAL, "not reached")
