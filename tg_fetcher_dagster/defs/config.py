"""What a run of `messages` can be told beside its partitions; a launch in the UI needs none of it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg
from pydantic import Field

from tg_fetcher_dagster.fetching.request import FetchRequest
from tg_fetcher_dagster.requests.plan import Batch


class AskerConfig(dg.Config):
    """One command and the neighbouring days that it asked for."""

    command_id: str
    correlation_id: str
    first: str
    last: str


class FetchConfig(dg.Config):
    """How to fetch, and who asked."""

    force: bool = Field(default=False, description="Fetch days again that are complete.")
    limit: int | None = Field(
        default=None, ge=1, description="At most so many messages a day; such a day is not final."
    )
    strategy: str = Field(default="batch", description="Told in fetch_started.")
    request_id: str | None = Field(
        default=None, description="Names what was asked across attempts. Leave empty."
    )
    asked_by: list[AskerConfig] = Field(
        default_factory=list, description="The commands that this run answers. Leave empty."
    )


def requests_of(
    config: FetchConfig, days_of_chats: Mapping[str, tuple[date, ...]], *, run_id: str
) -> list[FetchRequest]:
    """Returns one request a chat; where no command asked, the run itself is the request."""
    return [
        FetchRequest(
            request_id=config.request_id or run_id,
            chat=chat,
            days=days,
            force=config.force,
            limit=config.limit,
            strategy=config.strategy,
        )
        for chat, days in days_of_chats.items()
    ]


def asked_days(config: FetchConfig) -> tuple[date, ...]:
    """Returns the days that commands named, ascending; of "today" the day that it was when they asked.

    A run that begins after midnight still reads the day that was asked for.
    """
    return tuple(sorted({date.fromisoformat(each.first) for each in config.asked_by}))


def config_of(op_config: Mapping[str, Any] | None) -> FetchConfig:
    """Returns the config that a run was launched with, as hooks and sensors see it."""
    return FetchConfig(**(op_config or {}))


def run_config_of(batch: Batch, *, op: str) -> Mapping[str, Any]:
    """Returns the run config of a batch's run."""
    config: dict[str, Any] = {
        "force": batch.force,
        "strategy": batch.strategy,
        "request_id": batch.batch_id,
        "asked_by": [
            {
                "command_id": each.command_id,
                "correlation_id": each.correlation_id,
                "first": each.first.isoformat(),
                "last": each.last.isoformat(),
            }
            for each in batch.asked
        ],
    }
    if batch.limit is not None:
        config["limit"] = batch.limit
    return {"ops": {op: {"config": config}}}
