"""Runs whose process has died: noticed, marked as ended, and what they have left brought on its way.

Dagster's default launcher never looks after its workers, so a run whose process was killed would stay
STARTED for ever, and one that a power cut met while it was STARTING for minutes. A run holds a mark while its
process lives (storage/run_mark.py), which tells at once on one host, and beats in the ledger, which tells on
any number of hosts.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
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

WHAT_TO_DO: Final = (
    "What to do: nothing, another run reads its days; if it happens often, look at the machine."
)

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
    description="Ends runs whose process has died, at once on the same host and after a minute from"
    " another, so that their days are read by a fresh run. Starts no runs. Off: such a run stays Started,"
    " and its days wait.",
)
@skips_in_trouble
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """One tick. A run that somebody was canceling is canceled: failed, its days would begin again."""
    found = end_dead_runs(context.instance, Settings.read())
    if not found.under_way:
        return dg.SkipReason("no run is under way")
    return dg.SkipReason(f"{found.under_way} under way; runs found dead: {', '.join(found.dead) or 'none'}")


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What a look at the runs under way has found.

    Attributes:
        under_way: how many of this project's were under way.
        dead: ids of those whose process had died; they are ended now.
    """

    under_way: int
    dead: tuple[str, ...] = ()


def end_dead_runs(instance: dg.DagsterInstance, settings: Settings) -> LookedAt:
    """Ends the runs whose process has died, and what they have left."""
    records = [
        record
        for record in instance.get_run_records(dg.RunsFilter(statuses=UNDER_WAY), limit=LOOK_AT)
        if is_ours(record.dagster_run)
    ]
    if not records:
        return LookedAt(0)
    with Ledger.open(settings.ledger_location) as ledger:
        with ledger.read() as connection:
            known = attempts.of_runs(connection, [record.dagster_run.run_id for record in records])
        dead = _dead(records, known, settings)
        for run, why in dead:
            _end(run, why, instance, ledger, settings)
    return LookedAt(len(records), tuple(run.run_id for run, _ in dead))


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
        instance.report_run_failed(run, message=f"{why} {WHAT_TO_DO}")
    forget(settings.data_dir, run.run_id)


@dg.definitions
def run_sensors() -> dg.Definitions:
    """Returns the sensors."""
    return dg.Definitions(sensors=[dead_runs])
