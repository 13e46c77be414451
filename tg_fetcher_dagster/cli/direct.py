"""The same runs in this process: no Redis, no daemon, one Dagster instance (`tg-fetcher fetch --direct`)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg

from tg_fetcher_dagster.commands.plan import Batch
from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.config import run_config_of
from tg_fetcher_dagster.defs.jobs import FETCH_DAYS, FETCH_TODAY
from tg_fetcher_dagster.defs.partitions import CHATS, range_tags
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.settings import Settings

HOME = "DAGSTER_HOME"

DEFAULT_HOME = Path(".dagster_home")
"""Where `make dev` keeps its instance, so that its UI shows what was fetched directly."""


@dataclass(frozen=True, kw_only=True)
class DirectDay:
    """What became of a day.

    Attributes:
        event: `messages_fetched`, `fetch_skipped` or `fetch_failed`.
        error: why it failed, in one line.
    """

    day: date
    event: str
    error: str | None = None


def instance() -> dg.DagsterInstance:
    """Returns the instance of DAGSTER_HOME, else the one in `.dagster_home`, made where there is none."""
    if HOME not in os.environ:
        DEFAULT_HOME.mkdir(exist_ok=True)
        (DEFAULT_HOME / "dagster.yaml").touch()
        os.environ[HOME] = str(DEFAULT_HOME.resolve())
    return dg.DagsterInstance.get()


def run_batch(batch: Batch, dagster: dg.DagsterInstance, settings: Settings) -> list[DirectDay]:
    """Runs a batch in this process and returns what became of each of its days, the oldest first.

    The run is a Dagster run like any other: materialisations, checks and hooks included. A day that has no
    outcome afterwards failed without a word and is returned as failed.
    """
    dagster.add_dynamic_partitions(CHATS.name or "", [batch.chat_key])
    job = FETCH_TODAY if batch.today else FETCH_DAYS
    op = "messages_today" if batch.today else "messages"
    ends = (batch.chat_key, batch.chat_key), (batch.first, batch.last)
    defs().resolve_job_def(job.name).execute_in_process(
        instance=dagster,
        run_config=dict(run_config_of(batch, op=op)),
        partition_key=batch.chat_key if batch.today else None,
        tags={"request": batch.batch_id, **({} if batch.today else range_tags(*ends))},
        raise_on_error=False,
    )
    return outcomes_of(batch, settings)


def outcomes_of(batch: Batch, settings: Settings) -> list[DirectDay]:
    """Returns the recorded outcome of each day of a batch."""
    recorded = Outbox(settings.data_dir).outcomes(batch.batch_id)
    days: Sequence[date] = batch.days
    return [
        DirectDay(day=day, event=outcome.event, error=outcome.error)
        if (outcome := recorded.get((batch.chat_key, day)))
        else DirectDay(day=day, event="fetch_failed", error="the run ended without a word on this day")
        for day in days
    ]
