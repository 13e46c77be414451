"""What a Dagster instance says of itself, as facts. Pure, and light: Dagster takes a second to load."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Daemon:
    """One of the daemon's threads; `heard_of_at` is None where it was never heard of."""

    heard_of_at: float | None
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs in one state; `since` is when the oldest of them came into it, None where there is none."""

    count: int = 0
    since: float | None = None


IN_TROUBLE: Final = "in trouble: "
"""How the reason of a tick begins that skips because it cannot do its work (defs/sensors/trouble.py)."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The last tick of a sensor or schedule that is switched on.

    Attributes:
        end: how the last one that has ended did: `success`, `skipped` or `failure`; None where none has.
            One that skipped because it could not do its work has failed.
    """

    at: float
    end: str | None = None

    @property
    def failed(self) -> bool:
        """True where it did."""
        return self.end == "failure"


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of a job that has ended; moments are seconds since 1970."""

    ended_at: float
    seconds: float
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Pool:
    """Slots of a pool: all, taken, and runs that wait for one."""

    limit: int
    claimed: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceState:
    """An instance at one moment; moments are seconds since 1970.

    Attributes:
        at: when it was looked at.
        daemons: those that this instance needs, by Dagster's name.
        runs: by Dagster's state.
        job_runs: how many have not ended, by job and Dagster's state.
        last_runs: by job.
        materialized: when any partition of an asset last was.
        ticks: by the name of the sensor or schedule.
        switched_on: whether each sensor and schedule that somebody ever switched, or that has ticked, is on.
        pools: by name.
        partitions: how many each asset has.
    """

    at: float
    daemons: Mapping[str, Daemon] = field(default_factory=dict)
    runs: Mapping[str, Runs] = field(default_factory=dict)
    job_runs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    last_runs: Mapping[str, LastRun] = field(default_factory=dict)
    materialized: Mapping[str, float] = field(default_factory=dict)
    ticks: Mapping[str, Tick] = field(default_factory=dict)
    switched_on: Mapping[str, bool] = field(default_factory=dict)
    pools: Mapping[str, Pool] = field(default_factory=dict)
    partitions: Mapping[str, int] = field(default_factory=dict)
