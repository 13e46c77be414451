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
    for name, tick in state.ticks.items():
        gauges.append(Shown(shown.TICK_AGE, since(tick.at, at), (name,)))
        gauges.append(Shown(shown.TICK_FAILED, float(tick.failed), (name,)))
    for name, pool in state.pools.items():
        gauges.append(Shown(shown.POOL_SLOTS, pool.limit, (name, "limit")))
        gauges.append(Shown(shown.POOL_SLOTS, pool.claimed, (name, "claimed")))
        gauges.append(Shown(shown.POOL_SLOTS, pool.pending, (name, "pending")))
    gauges += [Shown(shown.PARTITIONS, count, (asset,)) for asset, count in state.partitions.items()]
    return gauges
