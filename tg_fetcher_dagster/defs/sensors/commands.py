"""Redis commands become runs (docs.dagster.io, "Sensors").

A thin shell: what a tick decides stands in requests/dispatch.py. The tick never pops: a command stays
claimed in Redis until its runs are settled, and what the tick acts on is journalled before it returns, so a
tick that dies is simply repeated.
"""

from datetime import date

import dagster as dg

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.defs.config import run_config_of
from tg_fetcher_dagster.defs.jobs import FETCH_DAYS, FETCH_TODAY, resolve_chats
from tg_fetcher_dagster.defs.partitions import CHATS, range_tags
from tg_fetcher_dagster.defs.publishing import drain_outbox
from tg_fetcher_dagster.defs.run_states import run_state
from tg_fetcher_dagster.defs.sensors.refusals import skips_when_refused
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.models import FetchFailed
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.monitoring.logs import configure_logging
from tg_fetcher_dagster.redis_connection import connect
from tg_fetcher_dagster.requests.dispatch import Dispatch
from tg_fetcher_dagster.requests.following import Failure
from tg_fetcher_dagster.requests.plan import Batch
from tg_fetcher_dagster.requests.queue import CommandQueue
from tg_fetcher_dagster.requests.resolving import ResolveRequest
from tg_fetcher_dagster.requests.ticking import ChatFacts, Outside, Rules, TickResult
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import covered_days
from tg_fetcher_dagster.storage.damage import standing
from tg_fetcher_dagster.storage.estimate import requests_a_day
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.clock import planning_time

WAIT_SECONDS = 3.0
"""How long a tick waits for a first command: the daemon looks only every five seconds, so a tick that waits
answers at once what is pushed meanwhile. Other sensors have threads of their own."""


def run_request(batch: Batch) -> dg.RunRequest:
    """Returns the run that a batch asks for; its key names the batch's attempt, never the chat and day."""
    tags = {"chat": batch.chat_key, "request": batch.batch_id}
    if batch.today:
        return dg.RunRequest(
            run_key=batch.run_key,
            job_name=FETCH_TODAY.name,
            partition_key=batch.chat_key,
            run_config=run_config_of(batch, op="messages_today"),
            tags=tags,
        )
    return dg.RunRequest(
        run_key=batch.run_key,
        job_name=FETCH_DAYS.name,
        run_config=run_config_of(batch, op="messages"),
        tags={**tags, **range_tags((batch.chat_key, batch.chat_key), (batch.first, batch.last))},
    )


def resolve_request(request: ResolveRequest) -> dg.RunRequest:
    """Returns the run that finds out who chats are."""
    return dg.RunRequest(
        run_key=request.run_key,
        job_name=resolve_chats.name,
        run_config={"ops": {"resolve": {"config": {"spellings": list(request.spellings)}}}},
    )


def outside(settings: Settings, instance: dg.DagsterInstance) -> Outside:
    """Returns what the dispatch asks of Dagster and of the files."""
    outbox = Outbox(settings.data_dir)
    store = Store.of(settings)

    def tell_failed(failure: Failure) -> None:
        event = FetchFailed(
            service=settings.service_name,
            correlation_id=failure.correlation_id,
            command_ids=failure.command_ids,
            chat=failure.chat,
            date=failure.day,
            error=failure.error.message,
            error_type=failure.error.error_type,
            retryable=failure.error.retryable,
        )
        outbox.put(event, request_id=failure.request_id, durable=True)

    def facts(identity: ChatIdentity) -> ChatFacts:
        stand = standing(store, identity.key, covered_days(store, identity.key))
        return ChatFacts(first_fetched=stand.first, final_days=stand.done)

    means: dict[str, float] = {}

    def estimate(chat: str, _day: date) -> float:
        if chat not in means:
            means[chat] = requests_a_day(covered_days(store, chat).values())
        return means[chat]

    return Outside(
        run_state=lambda run_key: run_state(instance, run_key),
        outcomes=outbox.outcomes,
        tell_failed=tell_failed,
        facts=facts,
        estimate=estimate,
        planning_time=lambda moment: planning_time(settings, moment),
    )


def sensor_result(result: TickResult, known_chats: frozenset[str]) -> dg.SensorResult | dg.SkipReason:
    """Returns what Dagster is asked to do: runs, and partitions for chats that have none."""
    runs = [run_request(batch) for batch in result.start] + [resolve_request(each) for each in result.resolve]
    if not runs:
        return dg.SkipReason(
            f"no new command; {result.open_batches} batches under way, {len(result.settled)} commands settled"
        )
    new = sorted({batch.chat_key for batch in result.start} - known_chats)
    return dg.SensorResult(
        run_requests=runs, dynamic_partitions_requests=[CHATS.build_add_request(new)] if new else []
    )


@dg.sensor(
    name="commands",
    jobs=[FETCH_DAYS, FETCH_TODAY, resolve_chats],
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Turns the commands in Redis into runs and follows them until each is settled.",
)
@skips_when_refused
def commands(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One tick; where Redis is away the commands wait there, and so does what was claimed."""
    settings = Settings.read()
    configure_logging(settings)
    instance = context.instance
    with connect(settings) as client, open_identities(settings) as identities:
        dispatch = Dispatch(
            CommandQueue(client, settings.commands_queue),
            identities,
            rules=Rules.from_settings(settings),
        )
        result = dispatch.tick(outside(settings, instance), wait_seconds=WAIT_SECONDS)
    for command_id, note in result.notes:
        context.log.warning("command %s: %s", command_id, note)
    for failure in result.failures:
        context.log.error("commands %s: %s", ", ".join(failure.command_ids), failure.error.message)
    if result.failures:
        _publish(context, settings)
    return sensor_result(result, frozenset(instance.get_dynamic_partitions(CHATS.name or "")))


def _publish(context: dg.SensorEvaluationContext, settings: Settings) -> None:
    """Drains the outbox; the runs of this tick must be asked for even if Redis has just gone away."""
    try:
        drain_outbox(settings)
    except FetchError as error:
        context.log.warning("events wait in the outbox: %s", error.message)


@dg.definitions
def commands_sensor() -> dg.Definitions:
    """Returns the sensor."""
    return dg.Definitions(sensors=[commands])
