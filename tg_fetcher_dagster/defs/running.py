"""How a batch becomes a run: the one place that says which job, config, tags and partitions that is.

Sensors ask the daemon for such runs; `tg-fetcher fetch --direct` runs them in its own process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg

from tg_fetcher_dagster.defs.config import run_config_of
from tg_fetcher_dagster.defs.jobs import FETCH_DAYS, FETCH_TODAY, resolve_chats
from tg_fetcher_dagster.defs.partitions import CHATS, range_tags
from tg_fetcher_dagster.defs.run_tags import chat_tags, tags_of
from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.requests.runs import ResolveRequest

RUN_KEY: Final = "dagster/run_key"  # dagster._core.storage.tags, no public name
PRIORITY: Final = "dagster/priority"
"""docs.dagster.io, "Customizing run queue priority": a higher number is dequeued first, 0 is the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRun:
    """The run of a batch, as whoever starts it needs it.

    Attributes:
        job_name: `fetch_days`, or `fetch_today` for an unfinished day.
        tags: short ones: Postgres refuses an index row over 2,712 bytes.
        partition_key: of `fetch_today`; `fetch_days` has a range in its tags.
    """

    job_name: str
    run_config: Mapping[str, Any]
    tags: Mapping[str, str]
    partition_key: str | None


def run_of(batch: Batch, asked_by: Sequence[str] = ()) -> BatchRun:
    """Returns the run that a batch asks for; its key is the batch, which one run fetches.

    Args:
        batch: what to fetch.
        asked_by: who wants it, the first asker first.
    """
    tags = {
        **tags_of(batch.chats, batch.first, batch.last, today=batch.today, asked_by=asked_by),
        PRIORITY: str(-batch.priority),
    }
    if batch.today:
        return BatchRun(
            job_name=FETCH_TODAY.name,
            run_config=run_config_of(batch, op="messages_today"),
            tags=tags,
            partition_key=batch.chats[0],
        )
    chats = batch.chats[0], batch.chats[-1]
    return BatchRun(
        job_name=FETCH_DAYS.name,
        run_config=run_config_of(batch, op="messages"),
        tags={**tags, **range_tags(chats, (batch.first, batch.last))},
        partition_key=None,
    )


def run_request(batch: Batch, asked_by: Sequence[str] = ()) -> dg.RunRequest:
    """Returns what a sensor answers so that the daemon runs a batch."""
    run = run_of(batch, asked_by)
    return dg.RunRequest(
        run_key=batch.batch_id,
        job_name=run.job_name,
        run_config=run.run_config,
        tags=run.tags,
        partition_key=run.partition_key,
    )


def resolve_run_request(request: ResolveRequest) -> dg.RunRequest:
    """Returns what a sensor answers so that the daemon finds out who chats are."""
    return dg.RunRequest(
        run_key=request.run_key,
        job_name=resolve_chats.name,
        run_config=_resolve_config(request),
        tags=chat_tags(request.spellings),
    )


def run_batch(
    batch: Batch, *, instance: dg.DagsterInstance, definitions: dg.Definitions, log_level: str = "CRITICAL"
) -> dg.ExecuteInProcessResult:
    """Runs a batch in this process: a run like any other, materialisations, checks and hooks included.

    Args:
        batch: what to fetch.
        instance: keeps the run.
        definitions: of the code location.
        log_level: of Dagster's lines on standard error; the instance keeps all of them.
    """
    instance.add_dynamic_partitions(CHATS.name or "", list(batch.chats))
    run = run_of(batch, ("this terminal",))
    return definitions.resolve_job_def(run.job_name).execute_in_process(
        instance=instance,
        run_config={**run.run_config, **_console(log_level)},
        partition_key=run.partition_key,
        tags={**run.tags, RUN_KEY: batch.batch_id},
        raise_on_error=False,
    )


def run_resolve(
    request: ResolveRequest,
    *,
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
    log_level: str = "CRITICAL",
) -> dg.ExecuteInProcessResult:
    """Finds out in this process who chats are."""
    return definitions.resolve_job_def(resolve_chats.name).execute_in_process(
        instance=instance,
        run_config={**_resolve_config(request), **_console(log_level)},
        tags={**chat_tags(request.spellings), RUN_KEY: request.run_key},
        raise_on_error=False,
    )


def _resolve_config(request: ResolveRequest) -> dict[str, Any]:
    return {"ops": {"resolve": {"config": {"spellings": list(request.spellings)}}}}


def _console(log_level: str) -> dict[str, Any]:
    return {"loggers": {"console": {"config": {"log_level": log_level}}}}
