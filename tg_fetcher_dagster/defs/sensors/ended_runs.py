"""Runs that have failed or were canceled: what they have left is brought on its way, once for each run.

Dagster's own sensors for a run's status say "Sensor function returned an empty result" at each tick without
such a run, that is every five seconds. These look themselves, from where the last tick stopped, and say what
they looked at. A run may be seen twice; what is settled stays as it is.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

import dagster as dg
import orjson

from tg_fetcher_dagster.defs.sensors.runs import is_ours
from tg_fetcher_dagster.defs.sensors.trouble import skips_in_trouble
from tg_fetcher_dagster.defs.unsettled_runs import settle_left_days
from tg_fetcher_dagster.ledger import attempts
from tg_fetcher_dagster.ledger.attempts import Attempt
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.requests.registration import end_run
from tg_fetcher_dagster.requests.retrying import How
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.run_mark import forget, is_dead

FIRST_LOOK: Final = 600.0
"""Seconds that a sensor without a cursor looks back: what ended while it was replaced or restarted."""

OVERLAP: Final = 60.0
"""Seconds that each look goes back behind the last one: hosts' clocks differ."""

AT_ONCE: Final = 20
"""Runs of one tick."""

NAMED: Final = 3

ENDED: Final = {dg.DagsterRunStatus.FAILURE: "failed", dg.DagsterRunStatus.CANCELED: "been canceled"}


@dataclass(frozen=True, slots=True)
class Seen:
    """Which runs have been seen.

    Attributes:
        at: when the newest of them ended; seconds since 1970.
        runs: those that ended shortly before, each with its moment.
    """

    at: float
    runs: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None, *, now: float) -> Self:
        """Returns what a cursor says; one that makes no sense, of an older version too, says nothing."""
        try:
            found = orjson.loads(cursor or "")
            return cls(float(found["at"]), {str(run): float(at) for run, at in found["runs"].items()})
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            return cls(now - FIRST_LOOK)

    def and_of(self, runs: dict[str, float]) -> "Seen":
        """Returns it with more runs, without those that no look meets again."""
        newest = max([self.at, *runs.values()])
        kept = {run: at for run, at in {**self.runs, **runs}.items() if at >= newest - OVERLAP}
        return Seen(newest, kept)

    def written(self) -> str:
        """Returns the cursor."""
        return orjson.dumps({"at": self.at, "runs": self.runs}).decode()


@dg.sensor(
    name="failed_runs",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Brings on their way the days that a failed run has left, where it never began or was"
    " killed; a run that ends by itself has done so. A tick that sees a failed run says its reason and"
    " what becomes of its days. Starts no runs.",
)
@skips_in_trouble
def failed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """One tick; what a run settled itself stays as it is."""
    return _tick(context, dg.DagsterRunStatus.FAILURE)


@dg.sensor(
    name="canceled_runs",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends the days of a canceled run as cancelled: who cancels a run means it. What was read"
    " before stays. Starts no runs.",
)
@skips_in_trouble
def canceled_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """One tick; Dagster fires no hook for a canceled run."""
    return _tick(context, dg.DagsterRunStatus.CANCELED)


def _tick(context: dg.SensorEvaluationContext, status: dg.DagsterRunStatus) -> dg.SkipReason:
    seen = Seen.read(context.cursor, now=time.time())
    records = context.instance.get_run_records(
        dg.RunsFilter(statuses=[status], updated_after=datetime.fromtimestamp(seen.at - OVERLAP, UTC)),
        limit=AT_ONCE + len(seen.runs),
        order_by="update_timestamp",
        ascending=True,
    )
    new = [record for record in records if record.dagster_run.run_id not in seen.runs][:AT_ONCE]
    if not new:
        since = datetime.fromtimestamp(seen.at, UTC)
        return dg.SkipReason(f"no run has {ENDED[status]} since {since:%Y-%m-%d %H:%M:%S} UTC")
    settings = Settings.read()
    said = [_settled(record.dagster_run, context.instance, settings) for record in new]
    ended = {record.dagster_run.run_id: record.update_timestamp.timestamp() for record in new}
    context.update_cursor(seen.and_of(ended).written())
    more = f"; and {len(said) - NAMED} more" if len(said) > NAMED else ""
    return dg.SkipReason("; ".join(said[:NAMED]) + more)


def how_it_failed(attempt: Attempt | None) -> How:
    """Returns how a failed run ended: it never began, or was killed, or came to its own end."""
    if attempt is None:
        return "never_began"
    return "died" if attempt.end in {None, "died"} else "ended"


def _settled(run: dg.DagsterRun, instance: dg.DagsterInstance, settings: Settings) -> str:
    """Brings on its way what an ended run has left; returns what happened, in one line."""
    canceled = run.status is dg.DagsterRunStatus.CANCELED
    named = f"run {run.run_id[:8]}"
    if not is_ours(run):
        return f"{named} is not of this project"
    with Ledger.open(settings.ledger_location) as ledger:
        with ledger.read() as connection:
            began = attempts.of_runs(connection, [run.run_id]).get(run.run_id)
        how = "cancelled" if canceled else how_it_failed(began)
        # The code server marks a run as failed whose process it saw die, before `dead_runs` can see it.
        end_run(ledger, run.run_id, end="cancelled" if canceled else "died")
        if is_dead(settings.data_dir, run.run_id):
            forget(settings.data_dir, run.run_id)
        left = settle_left_days(run, instance, ledger, settings, how=how)
    if canceled:
        return f"{named} was canceled: {left}"
    return f"{named} has failed: {why_failed(run, instance)}: {left}"


def why_failed(run: dg.DagsterRun, instance: dg.DagsterInstance) -> str:
    """Returns the first line of a failed run's reason, as its page shows it."""
    steps = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    for entry in reversed(steps):
        if entry.dagster_event is not None:
            data = entry.dagster_event.step_failure_data
            told = data.user_failure_data.description if data.user_failure_data else None
            return _first_line(told or (data.error.message if data.error else "") or "no reason is known")
    ends = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    said = [entry.dagster_event.message for entry in ends if entry.dagster_event is not None]
    return _first_line((said[-1] if said else None) or "no reason is known")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0].rstrip(":. ")


@dg.definitions
def ended_runs() -> dg.Definitions:
    """Returns the sensors."""
    return dg.Definitions(sensors=[failed_runs, canceled_runs])
