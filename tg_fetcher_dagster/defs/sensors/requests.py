"""Requests become runs, whoever asks (docs.dagster.io, "Sensors").

A thin shell over the one reconciler (requests/reconciler.py), which takes commands in, plans, follows the
runs and brings every request to its end. Here its answer becomes what Dagster is asked to do.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.days import day_of
from tg_fetcher_dagster.defs.dagster_runs import DagsterRuns
from tg_fetcher_dagster.defs.jobs import FETCH_DAYS, FETCH_TODAY, resolve_chats
from tg_fetcher_dagster.defs.partitions import CHATS
from tg_fetcher_dagster.defs.running import resolve_run_request, run_request
from tg_fetcher_dagster.defs.sensors.trouble import skips_in_trouble
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.draining import drain_outbox
from tg_fetcher_dagster.fetching.committing import recover_intents
from tg_fetcher_dagster.ledger.askers import askers_of_batches
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.waiting_days import WaitingDays, waiting_days
from tg_fetcher_dagster.logs.legible import legible
from tg_fetcher_dagster.logs.lines import configure_logging
from tg_fetcher_dagster.requests.reconciler import Reconciler, TickResult
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.sources import open_sources
from tg_fetcher_dagster.requests.wording import counted
from tg_fetcher_dagster.settings import DefinitionSettings, Settings
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.clock import planning_time

TIME_BOX: Final = 20.0
"""Seconds after which a tick leaves the rest to the next one; Dagster ends it after 60."""

WAIT_SECONDS = 3.0
"""How long a tick waits for a first command: the daemon looks only every five seconds, so a tick that waits
answers at once what is pushed meanwhile. Other sensors have threads of their own."""

RUNS_A_TICK: Final = 4
"""Dagster makes each run inside the tick, which takes 0.5 to 1 s: 100 of them took 54 and 104 s. More than
start soon are of no use."""


STILL_ALIVE: Final = 30.0
"""Seconds for which a day that is on its way to its files is left to the process that began it."""

RECOVERED_A_TICK: Final = 20
"""Days that a killed run has left on their way and that one tick brings to their end."""


def sensor_result(
    result: TickResult, known_chats: frozenset[str], askers: Mapping[str, Sequence[str]]
) -> dg.SensorResult:
    """Returns what Dagster is asked to do: a few runs, and partitions for chats that have none."""
    resolve = [resolve_run_request(each) for each in result.resolve[:RUNS_A_TICK]]
    start = result.start[: RUNS_A_TICK - len(resolve)]
    new = sorted({chat for batch in start for chat in batch.chats} - known_chats)
    return dg.SensorResult(
        run_requests=[*resolve, *(run_request(batch, askers.get(batch.batch_id, ())) for batch in start)],
        dynamic_partitions_requests=[CHATS.build_add_request(new)] if new else [],
    )


def idle(result: TickResult, waiting: WaitingDays) -> str:
    """Returns what a tick says that asks for no run: what it did, what is under way, what waits for what."""
    did = [f"{counted(result.taken, 'command')} taken in"] if result.taken else []
    did += [f"{counted(result.ended, 'request')} ended"] if result.ended else []
    more = ", and more," if waiting.more else ""
    if waiting.ready:
        did.append(f"{counted(waiting.ready, 'day')}{more} {_wait(waiting.ready)} for a run")
    if waiting.until is not None:
        until = f"{datetime.fromtimestamp(waiting.until, UTC):%Y-%m-%d %H:%M} UTC"
        why = f" ({waiting.why})" if waiting.why else ""
        of = f"{counted(waiting.later, 'day')} of {counted(waiting.chats, 'chat')}"
        did.append(f"{of}{more} {_wait(waiting.later)}, the first until {until}{why}")
    if not waiting.ready and waiting.until is None:
        did.append("nothing waits")
    did.append(f"{counted(result.open_batches, 'run')} under way")
    if result.wait is not None:
        did.append(f"no run is begun: {result.wait.why}")
    if result.more:
        did.append("the tick's time is over, the next one goes on")
    return "; ".join(did)


def _wait(days: int) -> str:
    return "waits" if days == 1 else "wait"


def cancel_runs(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Cancels runs whose days nobody wants any more: queued ones at once, others by their launcher."""
    records = instance.get_runs(filters=dg.RunsFilter(run_ids=list(run_ids))) if run_ids else []
    for run in records:
        if not run.is_finished:
            instance.run_coordinator.cancel_run(run.run_id)


def build_requests_sensor(settings: DefinitionSettings) -> dg.SensorDefinition:
    """Returns the sensor; it runs by default where the deployment says so (RUN_SENSORS)."""
    status = dg.DefaultSensorStatus

    @dg.sensor(
        name="requests",
        jobs=[FETCH_DAYS, FETCH_TODAY, resolve_chats],
        minimum_interval_seconds=1,
        default_status=status.RUNNING if settings.run_sensors else status.STOPPED,
        description="Turns what is asked into runs and follows each request to its end: commands from"
        " Redis or the spool folder, the daily round, tg-fetcher fetch. Each tick says what waits, and for"
        " what. Off, or without ticks: nothing is fetched by itself. What is asked meanwhile waits and is"
        " not lost.",
    )
    @skips_in_trouble
    def requests(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        present = Settings.read()
        configure_logging(present)
        instance = context.instance
        with Ledger.open(present.ledger_location) as ledger:
            result = _tick(present, ledger, instance)
            answer = _answer(result, ledger, instance)
        for note in result.notes:
            context.log.warning("%s", legible(note))
        cancel_runs(instance, result.cancel)
        if result.told:
            _publish(context, present)
        return answer

    return requests


def _tick(settings: Settings, ledger: Ledger, instance: dg.DagsterInstance) -> TickResult:
    deadline = time.monotonic() + TIME_BOX
    today = day_of(planning_time(settings, datetime.now(UTC)), settings.zone)
    recover_intents(
        ledger, Store.of(settings), began_before=time.time() - STILL_ALIVE, limit=RECOVERED_A_TICK
    )
    with open_sources(settings) as sources:
        reconciler = Reconciler(
            ledger,
            rules=Rules.from_settings(settings),
            chats=IdentityTable(ledger),
            runs=DagsterRuns(instance, ledger),
            sources=sources,
        )
        return reconciler.tick(time.time(), deadline, today=today, wait_seconds=WAIT_SECONDS)


def _answer(
    result: TickResult, ledger: Ledger, instance: dg.DagsterInstance
) -> dg.SensorResult | dg.SkipReason:
    with ledger.read() as connection:
        if not result.start and not result.resolve:
            return dg.SkipReason(idle(result, waiting_days(connection, time.time())))
        askers = askers_of_batches(connection, [batch.batch_id for batch in result.start[:RUNS_A_TICK]])
    return sensor_result(result, frozenset(instance.get_dynamic_partitions(CHATS.name or "")), askers)


def _publish(context: dg.SensorEvaluationContext, settings: Settings) -> None:
    """Publishes; the runs of this tick must be asked for even if Redis has just gone away."""
    try:
        drain_outbox(settings)
    except FetchError as error:
        context.log.warning("events wait in the outbox: %s", error.message)


@dg.definitions
def requests_sensor() -> dg.Definitions:
    """Returns the sensor."""
    return dg.Definitions(sensors=[build_requests_sensor(DefinitionSettings.read())])
