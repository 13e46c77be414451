"""What a Dagster instance says of itself, for `tg-fetcher monitor`: daemons, runs, ticks, pools, partitions.

Few queries, each over an index and bounded; no code location is loaded or asked.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from tg_fetcher_dagster.days import day_of
from tg_fetcher_dagster.defs.instance_facts import (
    IN_TROUBLE,
    Daemon,
    InstanceState,
    LastRun,
    Pool,
    Runs,
    Tick,
)
from tg_fetcher_dagster.defs.partitions import CHATS
from tg_fetcher_dagster.settings import DefinitionSettings

ACTIVE: Final = {
    "QUEUED": dg.DagsterRunStatus.QUEUED,
    "STARTING": dg.DagsterRunStatus.STARTING,
    "STARTED": dg.DagsterRunStatus.STARTED,
    "CANCELING": dg.DagsterRunStatus.CANCELING,
}
"""The states of a run that has not ended."""

ENDED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)

LAST_RUNS: Final = 100
"""Runs among which each job's last one is looked for."""

ASSETS: Final = ("messages", "messages_today")

MOST_RUNS: Final = 200
"""Runs of a state that are looked at, the oldest first; their number is counted in full."""

GONE_SECONDS: Final = 7 * 86_400.0
"""A sensor that last ticked so long ago was renamed or removed: Dagster keeps its row for ever."""

SWITCHED_ON: Final = frozenset({"RUNNING", "DECLARED_IN_CODE"})
"""InstigatorStatus has no public name. The second one is written when the code's own default is to run."""


def instance_state(instance: dg.DagsterInstance, settings: DefinitionSettings, *, at: float) -> InstanceState:
    """Returns what an instance says at a moment."""
    records = {state: _records(instance, status) for state, status in ACTIVE.items()}
    instigators = list(instance.all_instigator_state())
    return InstanceState(
        at=at,
        daemons=_daemons(instance),
        runs={state: _runs(instance, state, found) for state, found in records.items()},
        job_runs=Counter(
            (record.dagster_run.job_name, state) for state, found in records.items() for record in found
        ),
        last_runs=_last_runs(instance),
        materialized=_materialized(instance),
        ticks=_ticks(instance, {each.selector_id: each.name for each in instigators if _is_on(each)}, at),
        switched_on={each.name: _is_on(each) for each in instigators},
        pools=_pools(instance, records),
        partitions=_partitions(instance, settings, at),
    )


def _daemons(instance: dg.DagsterInstance) -> dict[str, Daemon]:
    beats = instance.get_daemon_heartbeats()
    daemons = {}
    for name in instance.get_required_daemon_types():
        beat = beats.get(name)
        daemons[name] = (
            Daemon(None) if beat is None else Daemon(beat.timestamp, errors=len(beat.errors or ()))
        )
    return daemons


def _records(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> list[dg.RunRecord]:
    return list(instance.get_run_records(dg.RunsFilter(statuses=[status]), limit=MOST_RUNS, ascending=True))


def _runs(instance: dg.DagsterInstance, state: str, found: list[dg.RunRecord]) -> Runs:
    if not found:
        return Runs()
    count = len(found)
    if count == MOST_RUNS:
        count = instance.get_runs_count(dg.RunsFilter(statuses=[ACTIVE[state]]))
    return Runs(count, min(_since(state, record) for record in found))


def _since(state: str, record: dg.RunRecord) -> float:
    """When a run came into its state; a queued one is also touched while it waits."""
    if state == "STARTED" and record.start_time is not None:
        return record.start_time
    moment = record.create_timestamp if state == "QUEUED" else record.update_timestamp
    # Databases give these two without their zone, which is UTC.
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _last_runs(instance: dg.DagsterInstance) -> dict[str, LastRun]:
    last: dict[str, LastRun] = {}
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(ENDED)), limit=LAST_RUNS):
        if record.end_time is None:
            continue
        began = record.start_time if record.start_time is not None else record.end_time
        succeeded = record.dagster_run.status is dg.DagsterRunStatus.SUCCESS
        last.setdefault(
            record.dagster_run.job_name,
            LastRun(record.end_time, max(0.0, record.end_time - began), succeeded),
        )
    return last


def _materialized(instance: dg.DagsterInstance) -> dict[str, float]:
    events = {asset: instance.get_latest_materialization_event(dg.AssetKey(asset)) for asset in ASSETS}
    return {asset: event.timestamp for asset, event in events.items() if event is not None}


def _is_on(instigator: Any) -> bool:  # noqa: ANN401 - InstigatorState has no public name
    return instigator.status.value in SWITCHED_ON


def _ticks(instance: dg.DagsterInstance, on: Mapping[str, str], at: float) -> dict[str, Tick]:
    ticks: dict[str, Tick] = {}
    for selector, last in instance.get_batch_ticks(list(on), limit=2).items():
        # The newest may be under way: how it ends nobody knows yet.
        ends = [_end_of(tick) for tick in last if tick.status.value != "STARTED"]
        if last and at - last[0].timestamp < GONE_SECONDS:
            ticks[on[selector]] = Tick(last[0].timestamp, next(iter(ends), None))
    return ticks


def _end_of(tick: Any) -> str:  # noqa: ANN401 - InstigatorTick has no public name
    if (tick.skip_reason or "").startswith(IN_TROUBLE):
        return "failure"
    return str(tick.status.value.lower())


def _pools(instance: dg.DagsterInstance, records: Mapping[str, list[dg.RunRecord]]) -> dict[str, Pool]:
    """Counts runs, as Dagster does where a pool's granularity is the run (dagster.yaml)."""
    claimed: Counter[str] = Counter()
    pending: Counter[str] = Counter()
    for state, found in records.items():
        for record in found:
            wanted = record.dagster_run.run_op_concurrency
            counted = pending if state == "QUEUED" else claimed
            counted.update((wanted.all_pools if wanted is not None else None) or ())
    limits = {each.name: each.limit for each in instance.event_log_storage.get_pool_limits()}
    return {name: Pool(limit, claimed[name], pending[name]) for name, limit in limits.items()}


def _partitions(instance: dg.DagsterInstance, settings: DefinitionSettings, at: float) -> dict[str, int]:
    chats = len(instance.get_dynamic_partitions(CHATS.name or ""))
    days = (day_of(datetime.fromtimestamp(at, UTC), settings.zone) - settings.history_start).days
    return {"messages": chats * max(0, days), "messages_today": chats}
