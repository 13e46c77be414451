"""Runs that ended without a word: noticed, marked as ended, and told of.

Dagster's default launcher never looks after its workers, so a run whose process was killed would stay
STARTED for ever and its command with it. A run holds a mark while its process lives (storage/run_mark.py).
"""

import dagster as dg

from tg_fetcher_dagster.defs.config import config_of
from tg_fetcher_dagster.defs.hooks import asked_keys, tell_failed_days
from tg_fetcher_dagster.defs.sensors.refusals import skips_when_refused
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.run_mark import forget, is_dead

UNDER_WAY = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]

LOOK_AT = 1000
"""Runs under way that one tick looks at."""


@dg.sensor(
    name="dead_runs",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs as failed whose process has died. Starts no runs.",
)
@skips_when_refused
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """One tick. A run that somebody was canceling is canceled: failed, its command would begin it again."""
    settings = Settings.read()
    found = []
    for run in context.instance.get_runs(filters=dg.RunsFilter(statuses=UNDER_WAY), limit=LOOK_AT):
        if is_dead(settings.data_dir, run.run_id):
            if run.status is dg.DagsterRunStatus.CANCELING:
                context.instance.report_run_canceled(run, message="The run's process has ended.")
            else:
                context.instance.report_run_failed(run, message="The run's process has died.")
            forget(settings.data_dir, run.run_id)
            found.append(run.run_id)
    return dg.SkipReason(f"runs found dead: {', '.join(found) or 'none'}")


def config_of_run(run: dg.DagsterRun) -> dict[str, object]:
    """Returns the asset's config of a run, empty where it was launched with none."""
    ops = run.run_config.get("ops", {}) if isinstance(run.run_config, dict) else {}
    return next((ops[op].get("config", {}) for op in ("messages", "messages_today") if op in ops), {})


def tell_left_days(run: dg.DagsterRun, instance: dg.DagsterInstance, why: str) -> dg.SkipReason:
    """Tells of the days of an ended run that have no outcome yet; returns what was done.

    What a command asked for is left to the command's sensor, which starts a fresh run or gives up.
    """
    config = config_of(config_of_run(run))
    if config.request_id is not None:
        return dg.SkipReason("a command asked for it")
    settings = Settings.read()
    keys = asked_keys(run, settings, instance)
    tell_failed_days(
        settings,
        config=config,
        run_id=run.run_id,
        keys=keys,
        failures={},
        otherwise=FetchError(ErrorType.INTERNAL, why),
    )
    return dg.SkipReason(f"each of {len(keys)} days has been told of")


@dg.run_failure_sensor(
    name="failed_runs",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells of the days of a failed run that nobody has told of: its process was killed.",
)
def failed_runs(context: dg.RunFailureSensorContext) -> dg.SkipReason:
    """One failed run."""
    return tell_left_days(context.dagster_run, context.instance, "the run ended without a word on this day")


@dg.run_status_sensor(
    name="canceled_runs",
    run_status=dg.DagsterRunStatus.CANCELED,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells of the days of a canceled run that nobody has told of: it had not begun yet.",
)
def canceled_runs(context: dg.RunStatusSensorContext) -> dg.SkipReason:
    """One canceled run."""
    return tell_left_days(context.dagster_run, context.instance, "canceled by an operator")


@dg.definitions
def run_sensors() -> dg.Definitions:
    """Returns the sensors."""
    return dg.Definitions(sensors=[dead_runs, failed_runs, canceled_runs])
