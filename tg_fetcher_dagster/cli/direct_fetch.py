"""`fetch --direct`: the same runs in this process, with no Redis and no daemon."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from datetime import date

import dagster as dg

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.cli.direct import DirectDay, check_home, instance, run_batch
from tg_fetcher_dagster.cli.direct_events import DirectEvents
from tg_fetcher_dagster.cli.display import FetchDisplay
from tg_fetcher_dagster.cli.outcomes import FAILED, DayEnd
from tg_fetcher_dagster.cli.resolving import known_or_resolved
from tg_fetcher_dagster.cli.starting import VERBOSE
from tg_fetcher_dagster.cli.wanted import Asked
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.requests.dates import Expansion, expand
from tg_fetcher_dagster.requests.plan import Ask, Batch, plan
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import covered_days, read_coverage
from tg_fetcher_dagster.storage.damage import standing
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.clock import planning_now

LOOK_SECONDS = 0.3
"""How often the days that have ended are counted while a run is under way."""


def fetch_directly(asked: list[Asked], settings: Settings, display: FetchDisplay) -> list[DayEnd]:
    """Runs the commands one after the other and returns how each day ended.

    Raises:
        FetchError: (validation, storage) DATA_DIR or the Dagster instance cannot be used at all.
    """
    check_home()
    Store.of(settings).prepare()
    ends: list[DayEnd] = []
    batches: list[Batch] = []
    events = DirectEvents(settings)
    for each in asked:
        chat = each.command.chat
        try:
            display.now(f"{chat}: looking it up")
            identity = asyncio.run(known_or_resolved(settings, chat))
        except FetchError as error:
            ends.append(DayEnd(chat=chat, day=None, event=FAILED, told=error.message))
            key = each.command.spelling.likely_key
            events.refused(each.command.command_id, key, _days_without_the_chat(each, settings), error)
            continue
        with open_identities(settings) as identities:
            moved_names = identities.moved()
        for moved in moved_names:
            if moved.name == each.command.spelling.username:
                display.note(moved.line)
        means = _expanded(each, identity, settings)
        for line in means.notes:
            display.note(line)
        ends += [_refused(identity.key, refused.day, refused.reason) for refused in means.refused]
        for refused in means.refused:
            why = FetchError(ErrorType.VALIDATION, f"{refused.day} {refused.reason}")
            events.refused(each.command.command_id, identity.key, [refused.day], why)
        batches += plan([_ask(each, identity, means, force=settings.force_refetch)])
    all_days = len(ends) + sum(len(batch.days) for batch in batches)
    if not batches:
        events.publish()
        return ends
    with instance() as dagster:
        for batch in batches:
            before = len(ends)

            def tell(ended: int, before: int = before) -> None:
                display.days(before + ended, all_days)

            days = _run(batch, dagster, settings, display, tell)
            for day in days:
                end = _end(batch, day, settings)
                display.end(end)
                ends.append(end)
                if day.failure is not None:
                    events.unanswered(batch, day.day, day.failure)
    events.publish()
    return ends


def _days_without_the_chat(asked: Asked, settings: Settings) -> list[date | None]:
    """The days that a command means whatever chat it is for; None where they depend on the chat."""
    if asked.command.mode in {"full", "incremental"}:
        return [None]
    today = planning_now(settings).astimezone(settings.zone).date()
    means = expand(asked.command, today=today, history_start=settings.history_start)
    return [*means.days, *(each.day for each in means.refused), *([means.today] if means.today else [])]


def _expanded(asked: Asked, identity: ChatIdentity, settings: Settings) -> Expansion:
    store = Store.of(settings)
    stand = standing(store, identity.key, covered_days(store, identity.key))
    return expand(
        asked.command,
        today=planning_now(settings).astimezone(settings.zone).date(),
        history_start=settings.history_start,
        first_message=identity.first_message_date,
        final_days=stand.done,
        first_fetched=stand.first,
    )


def _ask(asked: Asked, identity: ChatIdentity, means: Expansion, *, force: bool) -> Ask:
    command = asked.command
    return Ask(
        claim_id=command.command_id,
        command_id=command.command_id,
        correlation_id=command.correlation_id,
        chat_key=identity.key,
        days=means.days,
        today=means.today,
        force=command.force or force,
        limit=command.limit,
        strategy=command.strategy,
        requested_by=command.requested_by,
        requested_at=command.timestamp,
    )


def _run(
    batch: Batch,
    dagster: dg.DagsterInstance,
    settings: Settings,
    display: FetchDisplay,
    tell: Callable[[int], None],
) -> list[DirectDay]:
    """Runs a batch in a thread of its own and counts the days that have ended meanwhile.

    In the main thread Dagster would take Ctrl-C for a failure that its retry policy retries.
    """
    made: list[DirectDay] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            level = "DEBUG" if VERBOSE.get() else "CRITICAL"
            made.extend(run_batch(batch, dagster, settings, log_level=level))
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits for it
            errors.append(error)

    outbox = Outbox(settings.data_dir)
    display.now(
        f"{batch.chat_key} {batch.first}" + (f" to {batch.last}" if batch.last != batch.first else "")
    )
    worker = threading.Thread(target=copy_context().run, args=(work,), name="fetch", daemon=True)
    worker.start()
    try:
        while worker.is_alive():
            worker.join(LOOK_SECONDS)
            tell(len(outbox.outcomes(batch.batch_id)))
    except KeyboardInterrupt:
        _cancel(batch, dagster)
        display.note("stopped; the days that are done stay done")
        raise
    if errors:
        raise errors[0]
    return made


def _cancel(batch: Batch, dagster: dg.DagsterInstance) -> None:
    """Tells the instance that the batch's run has ended: nobody else would."""
    under_way = dg.RunsFilter(
        tags={"request": batch.batch_id},
        statuses=[dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED],
    )
    for run in dagster.get_runs(filters=under_way):
        dagster.report_run_canceled(run, message="Interrupted at the terminal.")
        dagster.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _end(batch: Batch, day: DirectDay, settings: Settings) -> DayEnd:
    told = day.error or ""
    if day.event != FAILED:
        coverage = read_coverage(Store.of(settings).day(batch.chat_key, day.day))
        count = coverage.message_count if coverage else 0
        unfinished = "" if coverage is None or coverage.final else " so far, the day is not final"
        told = f"{count} messages{unfinished}"
        if day.event == "fetch_skipped":
            told = f"skipped, nothing new ({told})"
    return DayEnd(chat=batch.chat_key, day=day.day, event=day.event, told=told)


def _refused(chat: str, day: date, reason: str) -> DayEnd:
    return DayEnd(chat=chat, day=day, event=FAILED, told=f"the day {reason}")
