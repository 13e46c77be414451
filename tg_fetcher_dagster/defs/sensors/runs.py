"""Runs that ended without a word: noticed, marked as ended, and what they have left brought on its way.

Dagster's default launcher never looks after its workers, so a run whose process was killed would stay
STARTED for ever, and one that a power cut met while it was STARTING for minutes. A run holds a mark while its
process lives (storage/run_mark.py), which tells at once on one host, and beats in the ledger, which tells on
any number of hosts.
"""

import time
from collections.abc import Mapping
from typing import Final

import dagster as dg

from tg_fetcher_dagster.defs.heartbeat import SILENT
from tg_fetcher_dagster.defs.jobs import FETCH_DAYS, FETCH_TODAY, resolve_chats
from tg_fetcher_dagster.defs.sensors.trouble import skips_in_trouble
from tg_fetcher_dagster.defs.unsettled_runs import settle_left_days
from tg_fetcher_dagster.ledger import attempts
from tg_fetcher_dagster.ledger.attempts import Attempt
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.requests.registration import end_run
from tg_fetcher_dagster.requests.retrying import How
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.run_mark import forget, is_dead

STATUS: Final = dg.DagsterRunStatus
UNDER_WAY: Final = [STATUS.STARTING, STATUS.STARTED, STATUS.CANCELING]

BEGINS_WITHIN: Final = 50.0
"""Seconds in which a run that was launched must be heard of first: a process starts in 7 to 8 s, and the
sensor looks every 5, so that a power cut holds nothing for longer than a minute."""

LOOK_AT: Final = 1000
"""Runs under way that one tick looks at."""

OUR_JOBS: Final = frozenset({FETCH_DAYS.name, FETCH_TODAY.name, resolve_chats.name})
OUR_ASSETS: Final = frozenset({dg.AssetKey("messages"), dg.AssetKey("messages_today")})


def is_ours(run: dg.DagsterRun) -> bool:
    """True for a run that registers: one of this project's jobs, or a backfill of its assets."""
    return run.job_name in OUR_JOBS or bool(OUR_ASSETS & (run.asset_selection or frozenset()))


def why_dead(record: dg.RunRecord, attempt: Attempt | None, *, mark: bool | None, now: float) -> str | None:
    """Returns why a run counts as dead; None where it does not.

    Args:
        record: the run, under way as far as Dagster knows.
        attempt: as the ledger knows it; None where it was never heard of.
        mark: True where its process of this host has ended, False where it lives, None where that is
            unknown.
        now: seconds since 1970.
    """
    if mark:
        return "The run's process has died."
    if attempt is not None:
        heard = max(attempt.heartbeat_at, attempt.ended_at or 0)
        return None if now - heard <= SILENT else f"The run was not heard of for {now - heard:.0f} seconds."
    since = now - record.update_timestamp.timestamp()
    if mark is False or since <= BEGINS_WITHIN:
        return None
    return f"The run has not begun within {since:.0f} seconds."


@dg.sensor(
    name="dead_runs",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs as failed whose process has died. Starts no runs.",
)
@skips_in_trouble
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """One tick. A run that somebody was canceling is canceled: failed, its days would begin again."""
    found = end_dead_runs(context.instance, Settings.read())
    return dg.SkipReason(f"runs found dead: {', '.join(found) or 'none'}")


def end_dead_runs(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """Ends the runs whose process has died, and what they have left; returns their ids."""
    records = [
        record
        for record in instance.get_run_records(dg.RunsFilter(statuses=UNDER_WAY), limit=LOOK_AT)
        if is_ours(record.dagster_run)
    ]
    if not records:
        return []
    with Ledger.open(settings.ledger_location) as ledger:
        with ledger.read() as connection:
            known = attempts.of_runs(connection, [record.dagster_run.run_id for record in records])
        dead = _dead(records, known, settings)
        for run, why in dead:
            _end(run, why, instance, ledger, settings)
    return [run.run_id for run, _ in dead]


def _dead(
    records: list[dg.RunRecord], known: Mapping[str, Attempt], settings: Settings
) -> list[tuple[dg.DagsterRun, str]]:
    now = time.time()
    dead = []
    for record in records:
        run_id = record.dagster_run.run_id
        mark = is_dead(settings.data_dir, run_id)
        why = why_dead(record, known.get(run_id), mark=mark, now=now)
        if why is not None:
            dead.append((record.dagster_run, why))
    return dead


def _end(
    run: dg.DagsterRun, why: str, instance: dg.DagsterInstance, ledger: Ledger, settings: Settings
) -> None:
    """Ends a dead run in the ledger first: were it to come to life, it must find its batch ended."""
    began = end_run(ledger, run.run_id, end="died")
    canceled = run.status is STATUS.CANCELING
    how: How = "cancelled" if canceled else "died" if began else "never_began"
    settle_left_days(run, instance, ledger, settings, how=how)
    if canceled:
        instance.report_run_canceled(run, message=why)
    else:
        instance.report_run_failed(run, message=why)
    forget(settings.data_dir, run.run_id)


@dg.run_failure_sensor(
    name="failed_runs",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Brings the days on their way that a failed run has left: it never began, or was killed.",
)
def failed_runs(context: dg.RunFailureSensorContext) -> dg.SkipReason:
    """One failed run; what it settled itself stays as it is."""
    return _settle(context.dagster_run, context.instance, canceled=False)


@dg.run_status_sensor(
    name="canceled_runs",
    run_status=dg.DagsterRunStatus.CANCELED,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends the days of a canceled run as cancelled: an operator who cancels means it.",
)
def canceled_runs(context: dg.RunStatusSensorContext) -> dg.SkipReason:
    """One canceled run; Dagster fires no hook for it."""
    return _settle(context.dagster_run, context.instance, canceled=True)


def how_it_failed(attempt: Attempt | None) -> How:
    """Returns how a failed run ended: it never began, or was killed, or came to its own end."""
    if attempt is None:
        return "never_began"
    return "died" if attempt.end in {None, "died"} else "ended"


def _settle(run: dg.DagsterRun, instance: dg.DagsterInstance, *, canceled: bool) -> dg.SkipReason:
    if not is_ours(run):
        return dg.SkipReason("not a run of this project")
    settings = Settings.read()
    with Ledger.open(settings.ledger_location) as ledger:
        with ledger.read() as connection:
            began = attempts.of_runs(connection, [run.run_id]).get(run.run_id)
        how = "cancelled" if canceled else how_it_failed(began)
        # The code server marks a run as failed whose process it saw die, before `dead_runs` can see it.
        end_run(ledger, run.run_id, end="cancelled" if canceled else "died")
        if is_dead(settings.data_dir, run.run_id):
            forget(settings.data_dir, run.run_id)
        return dg.SkipReason(settle_left_days(run, instance, ledger, settings, how=how))


@dg.definitions
def run_sensors() -> dg.Definitions:
    """Returns the sensors."""
    return dg.Definitions(sensors=[dead_runs, failed_runs, canceled_runs])
