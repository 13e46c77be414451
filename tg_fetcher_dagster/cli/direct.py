"""The same runs in this process: no Redis, no daemon, one Dagster instance (`tg-fetcher fetch --direct`)."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import yaml

from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.conclusion import failures_of
from tg_fetcher_dagster.defs.config import run_config_of
from tg_fetcher_dagster.defs.jobs import FETCH_DAYS, FETCH_TODAY
from tg_fetcher_dagster.defs.messages import POOL
from tg_fetcher_dagster.defs.partitions import CHATS, range_tags
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.requests.plan import Batch
from tg_fetcher_dagster.settings import Settings

HOME = "DAGSTER_HOME"

LONGEST_REASON = 200
"""Characters of what Dagster says: it lists every allowed key."""

DEFAULT_HOME = Path(".dagster_home")
"""Where `make dev` keeps its instance, so that its UI shows what was fetched directly."""

DEFAULT_INSTANCE = """\
concurrency:
  pools:
    granularity: run  # a step would wait for ever for the slot of a run that was killed
telemetry:
  enabled: false
"""
"""Of an instance that is made where there is no dagster.yaml to go by."""


@dataclass(frozen=True, kw_only=True)
class DirectDay:
    """What became of a day.

    Attributes:
        event: `messages_fetched`, `fetch_skipped` or `fetch_failed`.
        error: why it failed, in one line.
        failure: the same where the run has told nobody.
    """

    day: date
    event: str
    error: str | None = None
    failure: FetchError | None = None


def check_home() -> None:
    """Refuses a DAGSTER_HOME that Dagster would refuse with a trace, before anything is done.

    Raises:
        FetchError: (validation) it is relative, or no folder.
    """
    home = os.environ.get(HOME)
    if not home:
        return
    wrong = (
        "is no absolute path" if not Path(home).is_absolute()
        else "is no folder" if not Path(home).is_dir()
        else None
    )  # fmt: skip
    if wrong:
        raise FetchError(
            ErrorType.VALIDATION,
            f"{HOME}={home!r} {wrong}: it must be the absolute path of a folder that is there"
            f" (unset, {DEFAULT_HOME} is taken)",
        )


def instance() -> dg.DagsterInstance:
    """Returns the instance of DAGSTER_HOME, else the one in `.dagster_home`, made where there is none.

    Raises:
        FetchError: (validation) DAGSTER_HOME cannot be one.
    """
    check_home()
    if os.environ.get(HOME):
        return _opened()
    os.environ[HOME] = str(DEFAULT_HOME.resolve())
    if (DEFAULT_HOME / "dagster.yaml").exists():
        return _opened()
    DEFAULT_HOME.mkdir(exist_ok=True)
    ours = Path("dagster.yaml").resolve()
    if ours.is_file():
        (DEFAULT_HOME / "dagster.yaml").symlink_to(ours)
    else:
        (DEFAULT_HOME / "dagster.yaml").write_text(DEFAULT_INSTANCE)
    made = _opened()
    # Explicitly, as `make dev` does: the default limit alone let a fresh instance's first backfill run three.
    made.event_log_storage.set_concurrency_slots(POOL, 1)
    return made


def _opened() -> dg.DagsterInstance:
    try:
        return dg.DagsterInstance.get()
    except (dg.DagsterError, yaml.YAMLError, OSError) as error:
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        raise FetchError(
            ErrorType.VALIDATION, f"the Dagster instance in {os.environ[HOME]} cannot be used: {reason}"
        ) from error


def run_batch(
    batch: Batch, dagster: dg.DagsterInstance, settings: Settings, *, log_level: str = "CRITICAL"
) -> list[DirectDay]:
    """Runs a batch in this process and returns what became of each of its days, the oldest first.

    The run is a Dagster run like any other: materialisations, checks and hooks included. A day that has no
    outcome afterwards failed without an event and is returned as failed.

    Args:
        batch: what to fetch.
        dagster: the instance that keeps the run.
        settings: where the outcomes are.
        log_level: of Dagster's lines on standard error; the instance keeps all of them.
    """
    dagster.add_dynamic_partitions(CHATS.name or "", [batch.chat_key])
    job = FETCH_TODAY if batch.today else FETCH_DAYS
    op = "messages_today" if batch.today else "messages"
    ends = (batch.chat_key, batch.chat_key), (batch.first, batch.last)
    result = (
        defs()
        .resolve_job_def(job.name)
        .execute_in_process(
            instance=dagster,
            run_config={
                **run_config_of(batch, op=op),
                "loggers": {"console": {"config": {"log_level": log_level}}},
            },
            partition_key=batch.chat_key if batch.today else None,
            tags={"request": batch.batch_id, **({} if batch.today else range_tags(*ends))},
            raise_on_error=False,
        )
    )
    return outcomes_of(batch, settings, said=_failures(result), otherwise=_why_failed(result))


def _why_failed(result: dg.ExecuteInProcessResult) -> str:
    """Why the run as a whole failed, as its first cause says it, for days of which no step said anything."""
    for event in result.filter_events(lambda event: event.event_type_value == "PIPELINE_FAILURE"):
        error = event.job_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return f"the run failed: {' '.join(error.message.split())}"
    return "the run ended without a word on this day"


def _failures(result: dg.ExecuteInProcessResult) -> dict[str, FetchError]:
    """What the run's failed steps said of each partition key."""
    said: dict[str, FetchError] = {}
    for event in result.filter_events(lambda event: event.is_step_failure):
        data = event.step_failure_data.user_failure_data
        said.update(failures_of(data.metadata if data else None))
    return said


def outcomes_of(
    batch: Batch, settings: Settings, *, said: Mapping[str, FetchError], otherwise: str
) -> list[DirectDay]:
    """Returns the recorded outcome of each day of a batch.

    Args:
        batch: the days.
        settings: where the outbox is.
        said: why days failed, by partition key: a day that waits for a flood has no event, and here nobody
            comes back to it.
        otherwise: why the others did.
    """
    recorded = Outbox(settings.data_dir).outcomes(batch.batch_id)
    days: Sequence[date] = batch.days

    def untold(day: date) -> DirectDay:
        key = batch.chat_key if batch.today else f"{batch.chat_key}|{day}"
        failure = said.get(key) or FetchError(ErrorType.INTERNAL, otherwise)
        return DirectDay(day=day, event="fetch_failed", error=failure.message, failure=failure)

    return [
        DirectDay(day=day, event=outcome.event, error=outcome.error)
        if (outcome := recorded.get((batch.chat_key, day)))
        else untold(day)
        for day in days
    ]
