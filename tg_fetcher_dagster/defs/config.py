"""What a run of `messages` can be told beside its partitions; a launch in the UI needs none of it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg
from pydantic import Field

from tg_fetcher_dagster.fetching.request import FetchRequest
from tg_fetcher_dagster.ledger.batches import Batch


class FetchConfig(dg.Config):
    """How to fetch, and for which batch of the ledger."""

    force: bool = Field(default=False, description="Fetch days again that are complete.")
    limit: int | None = Field(
        default=None, ge=1, description="At most so many messages a day; such a day is not final."
    )
    strategy: str = Field(default="batch", description="Told in fetch_started.")
    batch_id: str | None = Field(
        default=None, description="The batch that the run was asked for. Leave empty: the run becomes one."
    )


def requests_of(
    config: FetchConfig, chats: Mapping[str, tuple[date, ...]], *, batch_id: str, today: bool = False
) -> list[FetchRequest]:
    """Returns one request a chat, all of one batch."""
    return [
        FetchRequest(
            request_id=batch_id,
            chat=chat,
            days=days,
            force=config.force,
            limit=config.limit,
            strategy=config.strategy,
            today=today,
        )
        for chat, days in chats.items()
    ]


def run_config_of(batch: Batch, *, op: str) -> Mapping[str, Any]:
    """Returns the run config of a batch's run."""
    config: dict[str, Any] = {"force": batch.force, "strategy": batch.strategy, "batch_id": batch.batch_id}
    if batch.limit is not None:
        config["limit"] = batch.limit
    return {"ops": {op: {"config": config}}}


def fetch_config_of(run: dg.DagsterRun) -> FetchConfig:
    """Returns the config that a run was launched with; the default one where there was none."""
    ops: Any = run.run_config.get("ops", {})
    for op in ("messages", "messages_today"):
        if op in ops:
            return FetchConfig(**ops[op].get("config", {}))
    return FetchConfig()


def batch_id_of(run: dg.DagsterRun) -> str | None:
    """Returns the batch that a run's config names; None where nobody here asked for the run."""
    return fetch_config_of(run).batch_id
