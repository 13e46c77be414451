"""The assets: a chat's messages of one day, complete, as files; and the day that is not over yet.

A range of days of one chat is one run and one walk over the chat's history; each day's file is durable as
soon as it is proved whole. What is in the files docs/files.md says, what the UI shows of them docs/ui.md.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, cast

import dagster as dg

from tg_fetcher_dagster.defs.checks import check_specs
from tg_fetcher_dagster.defs.config import FetchConfig
from tg_fetcher_dagster.defs.failures import retry_policy
from tg_fetcher_dagster.defs.fetch_step import fetch_step
from tg_fetcher_dagster.defs.hooks import HOOKS
from tg_fetcher_dagster.defs.materialisations import StepEvent
from tg_fetcher_dagster.defs.partitions import CHATS, MAX_DAYS_A_RUN, chat_days
from tg_fetcher_dagster.defs.resources import TelethonResource
from tg_fetcher_dagster.settings import DefinitionSettings

POOL = "telegram"
"""The pool of runs that ask Telegram; its limit is the number of accounts."""

GROUP = "telegram"

MESSAGES: Final = """
**A chat's messages of one day, complete, as files.** A partition is one chat and one day; its file is
`DATA_DIR/{chat}/{date}.json`.

- **When**: the schedule `yesterday` asks for the last day of every chat; commands and this page ask for any
  other. A range of days is one run and one walk over the chat's history.
- **Materialize** reads what is missing. A day that is complete is not read again (`outcome: skipped`), unless
  the run's config says `force: true`.
- **Green**: the day's file is there, whole. An empty day is green, too, with 0 messages.
- **Red**: the run's first line says why and what to do. Other days of the run are kept, and nothing of a
  failed day is half-written. Where it says "it will be done by itself", there is nothing to do.
- **Plots**: `messages`, `comments`, `requests`, `duration_seconds`, `lag_hours` (from the day's end to its
  reading), `losses` (what is known to be missing).
"""

TODAY: Final = """
**The day of each chat that is not over yet.** Its file is the one that `messages` makes final after midnight,
and says `final: false` until then.

- **When**: a command with `mode: today`, or this page. No schedule asks for it.
- **Red**: the run's first line says why and what to do; `messages` reads the day after midnight all the same.
"""

NOTHING = cast("dg.DagsterType", dg.Nothing)
"""The days rest on the disk: there is nothing for an I/O manager to store. Dagster types it as a class."""


def _fetching(
    partitions: dg.PartitionsDefinition[Any],
    description: str,
    settings: DefinitionSettings,
    check_specs: Sequence[dg.AssetCheckSpec] | None = None,
) -> Callable[[Callable[..., Iterator[StepEvent]]], dg.AssetsDefinition]:
    """Returns the decorator of an asset whose days a step fetches."""
    return dg.asset(
        description=description,
        partitions_def=partitions,
        check_specs=check_specs,
        dagster_type=NOTHING,
        output_required=False,  # a daily round of chats that cannot be read has nothing to show
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=MAX_DAYS_A_RUN),
        pool=POOL,
        retry_policy=retry_policy(settings),
        hooks=HOOKS,
        group_name=GROUP,
        kinds={"telegram", "json"},
        owners=["team:telegram"],
        tags={"reads": "telegram", "writes": "day_files"},
    )


def build_messages(settings: DefinitionSettings) -> dg.AssetsDefinition:
    """Returns the asset `messages`, partitioned by chat and date."""
    partitions = chat_days(settings)

    @_fetching(partitions, MESSAGES, settings, check_specs(partitions))
    def messages(
        context: dg.AssetExecutionContext, config: FetchConfig, telegram: TelethonResource
    ) -> Iterator[StepEvent]:
        yield from fetch_step(context, config, telegram, settings)

    return messages


def build_messages_today(settings: DefinitionSettings) -> dg.AssetsDefinition:
    """Returns the asset `messages_today`, partitioned by chat: the unfinished day, stored as not final."""

    @_fetching(CHATS, TODAY, settings)
    def messages_today(
        context: dg.AssetExecutionContext, config: FetchConfig, telegram: TelethonResource
    ) -> Iterator[StepEvent]:
        yield from fetch_step(context, config, telegram, settings, today=True)

    return messages_today


@dg.definitions
def messages_definitions() -> dg.Definitions:
    """Returns both assets, shaped by HISTORY_START, TIMEZONE and the retry settings."""
    settings = DefinitionSettings.read()
    return dg.Definitions(assets=[build_messages(settings), build_messages_today(settings)])
