"""`fetch --direct`: the same runs in this process, with no Redis and no daemon."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from tg_fetcher_dagster.cli.direct import DirectDay, instance, run_batch
from tg_fetcher_dagster.cli.display import FetchDisplay
from tg_fetcher_dagster.cli.outcomes import FAILED, DayEnd
from tg_fetcher_dagster.cli.resolving import known_or_resolved
from tg_fetcher_dagster.cli.starting import VERBOSE
from tg_fetcher_dagster.cli.wanted import Asked
from tg_fetcher_dagster.commands.dates import Expansion, expand
from tg_fetcher_dagster.commands.identity import ChatIdentity
from tg_fetcher_dagster.commands.plan import Ask, Batch, plan
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import covered_days, read_coverage
from tg_fetcher_dagster.storage.paths import Store

LOOK_SECONDS = 0.3
"""How often the days that have ended are counted while a run is under way."""


def fetch_directly(asked: list[Asked], settings: Settings, display: FetchDisplay) -> list[DayEnd]:
    """Runs the commands one after the other and returns how each day ended.

    Raises:
        FetchError: (validation, storage) DATA_DIR or the Dagster instance cannot be used at all.
    """
    Store(settings.data_dir, settings.timezone).prepare()
    ends: list[DayEnd] = []
    batches: list[Batch] = []
    for each in asked:
        chat = each.command.chat
        try:
            display.now(f"{chat}: looking it up")
            identity = asyncio.run(known_or_resolved(settings, chat))
        except FetchError as error:
            ends.append(DayEnd(chat=chat, day=None, event=FAILED, told=error.message))
            continue
        means = _expanded(each, identity, settings)
        for line in means.notes:
            display.note(line)
        ends += [_refused(identity.key, refused.day, refused.reason) for refused in means.refused]
        batches += plan([_ask(each, identity, means, force=settings.force_refetch)])
    total = sum(len(batch.days) for batch in batches)
    if not total:
        return ends
    with instance() as dagster:
        for batch in batches:
            already = len(ends)
            with _watched(batch, settings, display, already=already, total=total):
                days = run_batch(batch, dagster, settings, log_level="DEBUG" if VERBOSE.get() else "CRITICAL")
            for day in days:
                end = _end(batch, day, settings)
                display.end(end)
                ends.append(end)
    return ends


def _expanded(asked: Asked, identity: ChatIdentity, settings: Settings) -> Expansion:
    covered = covered_days(Store(settings.data_dir, settings.timezone), identity.key)
    return expand(
        asked.command,
        today=datetime.now(UTC).astimezone(settings.zone).date(),
        history_start=settings.history_start,
        first_message=identity.first_message_date,
        final_days={day for day, coverage in covered.items() if coverage.final},
        first_fetched=min(covered, default=None),
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


@contextmanager
def _watched(
    batch: Batch, settings: Settings, display: FetchDisplay, *, already: int, total: int
) -> Iterator[None]:
    """Counts the days that have ended while the run keeps this thread busy."""
    over = threading.Event()
    outbox = Outbox(settings.data_dir)

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            display.days(already + len(outbox.outcomes(batch.batch_id)), already + total)

    first, last = batch.first, batch.last
    display.now(f"{batch.chat_key} {first}" + (f" to {last}" if last != first else ""))
    display.days(already, total)
    watcher = threading.Thread(target=watch, name="fetch-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _end(batch: Batch, day: DirectDay, settings: Settings) -> DayEnd:
    told = day.error or ""
    if day.event != FAILED:
        coverage = read_coverage(Store(settings.data_dir, settings.timezone).day(batch.chat_key, day.day))
        count = coverage.message_count if coverage else 0
        unfinished = "" if coverage is None or coverage.final else " so far, the day is not final"
        told = f"{count} messages{unfinished}"
        if day.event == "fetch_skipped":
            told = f"skipped, nothing new ({told})"
    return DayEnd(chat=batch.chat_key, day=day.day, event=day.event, told=told)


def _refused(chat: str, day: date, reason: str) -> DayEnd:
    return DayEnd(chat=chat, day=day, event=FAILED, told=f"the day {reason}")
