"""Dagster's instance, as the monitor sees it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tg_fetcher_dagster.defs.instance_facts import InstanceState
from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.monitoring.families import Shown, gauge_families, text_of
from tg_fetcher_dagster.monitoring.reader import Reading
from tg_fetcher_dagster.monitoring.states_shown import since
from tg_fetcher_dagster.settings import Settings

if TYPE_CHECKING:
    from tg_fetcher_dagster.defs.watched_instance import WatchedInstance

EVERY: Final = 10.0

TICK_ENDS: Final = ("success", "skipped", "failure")


class DagsterSource:
    """Looks at the instance of DAGSTER_HOME.

    Args:
        settings: of this process.
        clock: seconds since 1970.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._instance: WatchedInstance | None = None
        self._clock = clock

    def read(self) -> Reading[InstanceState]:
        """Looks once.

        Raises:
            FetchError: (storage) the instance cannot be read.
        """
        if self._instance is None:
            # Dagster takes a second or two to load, and the other sources are not to wait for it.
            from tg_fetcher_dagster.defs.watched_instance import WatchedInstance  # noqa: PLC0415

            self._instance = WatchedInstance(self._settings)
        state = self._instance.state(self._clock())
        return Reading(state, text_of(gauge_families(instance_gauges(state))))


def instance_gauges(state: InstanceState) -> list[Shown]:
    """Returns the gauges of an instance; a daemon that was never heard of has none. Pure."""
    at = state.at
    gauges = [
        Shown(shown.CODE_LOCATION_ERRORS, sum(daemon.errors for daemon in state.daemons.values())),
    ]
    for name, runs in state.runs.items():
        gauges.append(Shown(shown.ACTIVE_RUNS, runs.count, (name,)))
        gauges.append(Shown(shown.OLDEST_RUN, since(runs.since, at), (name,)))
    gauges += [
        Shown(shown.DAEMON_AGE, since(daemon.heard_of_at, at), (name,))
        for name, daemon in state.daemons.items()
        if daemon.heard_of_at is not None
    ]
    for name, last in state.last_runs.items():
        gauges.append(Shown(shown.JOB_LAST_END, last.ended_at, (name,)))
        gauges.append(Shown(shown.JOB_LAST_SECONDS, last.seconds, (name,)))
        gauges.append(Shown(shown.JOB_LAST_FAILED, float(not last.succeeded), (name,)))
    jobs = {*state.last_runs, *(job for job, _ in state.job_runs)}
    gauges += [
        Shown(shown.JOB_RUNS, state.job_runs.get((job, of), 0), (job, of))
        for job in sorted(jobs)
        for of in state.runs
    ]
    gauges += [Shown(shown.MATERIALIZED, when, (asset,)) for asset, when in state.materialized.items()]
    gauges += [Shown(shown.SWITCHED_ON, float(on), (name,)) for name, on in state.switched_on.items()]
    for name, tick in state.ticks.items():
        gauges.append(Shown(shown.TICK_AGE, since(tick.at, at), (name,)))
        gauges.append(Shown(shown.TICK_FAILED, float(tick.failed), (name,)))
        gauges += [Shown(shown.TICK_ENDED, float(tick.end == end), (name, end)) for end in TICK_ENDS]
    for name, pool in state.pools.items():
        gauges.append(Shown(shown.POOL_SLOTS, pool.limit, (name, "limit")))
        gauges.append(Shown(shown.POOL_SLOTS, pool.claimed, (name, "claimed")))
        gauges.append(Shown(shown.POOL_SLOTS, pool.pending, (name, "pending")))
    gauges += [Shown(shown.PARTITIONS, count, (asset,)) for asset, count in state.partitions.items()]
    return gauges
