"""Who is told when a step ends: both hooks drain the outbox (docs.dagster.io, "Op hooks").

The events themselves were recorded with the days' files, so a hook that fails loses nothing: Dagster only
notes HOOK_ERRORED, and a sensor drains what is left. The failure hook fires when the retries are used up
and adds the days that failed.
"""

from collections.abc import Iterable
from datetime import date

import dagster as dg

from tg_fetcher_dagster.days import day_of
from tg_fetcher_dagster.defs.conclusion import failures_of
from tg_fetcher_dagster.defs.config import FetchConfig, asked_days, config_of, requests_of
from tg_fetcher_dagster.defs.interruption import was_interrupted
from tg_fetcher_dagster.defs.partitions import CHATS, by_chat, chat_day_of, chat_days, keys_of_run
from tg_fetcher_dagster.defs.publishing import drain_outbox
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.fetching.day_events import DayEvents
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.clock import telegram_now


@dg.success_hook(name="publish_events")
def publish_events(context: dg.HookContext) -> None:
    """Publishes what the step has recorded."""
    _publish(context, Settings.read())


@dg.failure_hook(name="publish_failures")
def publish_failures(context: dg.HookContext) -> None:
    """Tells of the days that failed for good, then publishes all that the step has recorded."""
    settings = Settings.read()
    run = context.instance.get_run_by_id(context.run_id)
    if run is None:
        raise dg.Failure(f"run {context.run_id} is unknown to its own instance")
    error = context.op_exception
    config = config_of(context.op_config)
    if was_interrupted(error) and config.request_id:
        context.log.info(
            "the command's sensor sees to the days that are left: a fresh run, or none if canceled"
        )
        _publish(context, settings)
        return
    tell_failed_days(
        settings,
        config=config,
        run_id=run.run_id,
        keys=asked_keys(run, settings, context.instance),
        failures=failures_of(error.metadata if isinstance(error, dg.Failure) else None),
        otherwise=FetchError(ErrorType.INTERNAL, str(error) or type(error).__name__),
    )
    _publish(context, settings)


def _publish(context: dg.HookContext, settings: Settings) -> None:
    """Drains the outbox; what Redis does not take now the outbox sensor publishes when it is back."""
    try:
        context.log.info("published %d events", drain_outbox(settings))
    except FetchError as error:
        context.log.warning("events wait in the outbox: %s", error.message)


def asked_keys(run: dg.DagsterRun, settings: Settings, instance: dg.DagsterInstance) -> list[str]:
    """Returns the partition keys that a run of either asset was asked for."""
    today = any(key.to_user_string() == "messages_today" for key in run.asset_selection or ())
    return keys_of_run(run, CHATS if today else chat_days(settings), instance)


def tell_failed_days(
    settings: Settings,
    *,
    config: FetchConfig,
    run_id: str,
    keys: Iterable[str],
    failures: dict[str, FetchError],
    otherwise: FetchError,
) -> None:
    """Records `fetch_failed` for each asked day that has no outcome yet.

    Not for a day that waits for a flood to pass when a command asked for it: its command is delayed and
    another run answers it.
    """
    outbox = Outbox(settings.data_dir)
    waiting = {
        key
        for key, error in failures.items()
        if config.request_id and error.error_type is ErrorType.RATE_LIMIT and error.retry_after
    }
    told = {
        _chat_and_day(key, config, settings): failures.get(key, otherwise)
        for key in keys
        if key not in waiting
    }
    days = by_chat(f"{chat}|{day}" for chat, day in told)
    for request in requests_of(config, days, run_id=run_id):
        events = DayEvents(outbox, settings, request)
        for day in request.days:
            events.failed(day, told[request.chat, day])


def _chat_and_day(key: str, config: FetchConfig, settings: Settings) -> tuple[str, date]:
    if "|" in key:
        return chat_day_of(key)
    asked = asked_days(config)
    return key, asked[0] if asked else day_of(telegram_now(settings), settings.zone)


HOOKS = {publish_events, publish_failures}
