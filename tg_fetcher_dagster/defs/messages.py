"""A chat's messages of one day, complete, as files.

Each partition is one chat and one day. A range of days of one chat is one run and one walk over the chat's
history; each day's file is durable as soon as it is proved whole. A day that is complete is not read again
unless `force` asks for it. See docs/files.md for what is in the files.
"""

import dagster as dg

from tg_fetcher_dagster.days import day_of
from tg_fetcher_dagster.defs.conclusion import fetch_and_conclude
from tg_fetcher_dagster.defs.config import FetchConfig, asked_days, requests_of
from tg_fetcher_dagster.defs.hooks import HOOKS
from tg_fetcher_dagster.defs.partitions import CHATS, MAX_DAYS_A_RUN, by_chat, chat_day_key, chat_days
from tg_fetcher_dagster.defs.resources import TelethonResource
from tg_fetcher_dagster.fetching.request import DayResult
from tg_fetcher_dagster.settings import DefinitionSettings

POOL = "telegram"
"""The pool of runs that ask Telegram; its limit is the number of accounts."""

GROUP = "telegram"


def retry_policy(settings: DefinitionSettings) -> dg.RetryPolicy:
    """Returns the policy: exponential with jitter, so that many failed runs do not come back together."""
    return dg.RetryPolicy(
        max_retries=settings.max_retry_attempts,
        delay=settings.retry_backoff_factor,
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )


def build_messages(settings: DefinitionSettings) -> dg.AssetsDefinition:
    """Returns the asset `messages`, partitioned by chat and date."""

    @dg.asset(
        description=__doc__,
        partitions_def=chat_days(settings),
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=MAX_DAYS_A_RUN),
        retry_policy=retry_policy(settings),
        pool=POOL,
        hooks=HOOKS,
        group_name=GROUP,
        kinds={"telegram", "json"},
        owners=["team:telegram"],
    )
    def messages(context: dg.AssetExecutionContext, config: FetchConfig, telegram: TelethonResource) -> None:
        fetching = telegram.fetching()
        requests = requests_of(config, by_chat(context.partition_keys), run_id=context.run.run_id)
        fetch_and_conclude(context, requests, fetching, key_of=_key_of, settings=settings)

    return messages


def build_messages_today(settings: DefinitionSettings) -> dg.AssetsDefinition:
    """Returns the asset `messages_today`, partitioned by chat: the unfinished day, stored as not final."""

    @dg.asset(
        description="The unfinished day of each chat: the file that `messages` finishes after midnight.",
        partitions_def=CHATS,
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=MAX_DAYS_A_RUN),
        retry_policy=retry_policy(settings),
        pool=POOL,
        hooks=HOOKS,
        group_name=GROUP,
        kinds={"telegram", "json"},
        owners=["team:telegram"],
    )
    def messages_today(
        context: dg.AssetExecutionContext, config: FetchConfig, telegram: TelethonResource
    ) -> None:
        fetching = telegram.fetching()
        days = asked_days(config) or (day_of(fetching.now(), settings.zone),)
        chats = dict.fromkeys(context.partition_keys, days)
        requests = requests_of(config, chats, run_id=context.run.run_id)
        fetch_and_conclude(context, requests, fetching, key_of=lambda report: report.chat, settings=settings)

    return messages_today


def _key_of(report: DayResult) -> str:
    return str(chat_day_key(report.chat, report.day))


@dg.definitions
def messages_definitions() -> dg.Definitions:
    """Returns both assets, shaped by HISTORY_START, TIMEZONE and the retry settings."""
    settings = DefinitionSettings.read()
    return dg.Definitions(assets=[build_messages(settings), build_messages_today(settings)])
