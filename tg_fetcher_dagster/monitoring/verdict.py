"""Whether the fetcher works: a verdict over what the sources said last. Pure.

It goes by the age of what was last heard, never by a last known state: who was stopped says nothing, and his
last words were that all is well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

from tg_fetcher_dagster.defs.instance_facts import InstanceState
from tg_fetcher_dagster.ledger.conditions import OF_ACCOUNT
from tg_fetcher_dagster.monitoring.disk_source import DiskFacts
from tg_fetcher_dagster.monitoring.ledger_facts import LedgerFacts
from tg_fetcher_dagster.monitoring.reader import Seen
from tg_fetcher_dagster.monitoring.redis_source import RedisFacts

Status = Literal["healthy", "degraded", "down"]
"""`degraded`: something waits or is slower, and goes on by itself or in another way; `down`: no day can be
read or kept."""

Facts = TypeVar("Facts")

AWAY_SECONDS: Final = 60.0
"""So long a source may be silent before what stands on it counts as down."""

DAEMON_SECONDS: Final = 105.0
"""Dagster's daemons are heard of every 30 s; with the time between two looks a dead one is known in 120 s."""

WORKER_SECONDS: Final = 90.0
"""A run is heard of every 5 s, and ended by the sensor `dead_runs` after 60 s of silence."""

EVENT_SECONDS: Final = 120.0
COMMAND_SECONDS: Final = 120.0

FULL_BYTES: Final = 64 * 1024**2
"""Less cannot be relied on: a run writes its drafts beside what is there."""

SCARCE_SHARE: Final = 0.05

ESSENTIAL: Final = frozenset({"SENSOR", "QUEUED_RUN_COORDINATOR"})
"""Without these daemons nothing is taken in, or no run starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Generic[Facts]):
    """A source at a moment.

    Attributes:
        facts: what it said last; None where it never did.
        age: seconds since then.
        up: whether the last look was answered.
        error: why it was not.
    """

    name: str
    facts: Facts | None
    age: float
    up: bool
    error: str | None = None

    @property
    def is_away(self) -> bool:
        """True where what it said last is too old to go by."""
        return self.facts is None or self.age > AWAY_SECONDS

    @property
    def present(self) -> Facts | None:
        """What it said last, where that can be gone by."""
        return None if self.is_away else self.facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All sources at a moment.

    Attributes:
        wall: the moment, in seconds since 1970.
        redis: None where there is none by intention.
        folding: the writes of the monitor itself.
    """

    wall: float
    ledger: Source[LedgerFacts]
    dagster: Source[InstanceState]
    disk: Source[DiskFacts]
    redis: Source[RedisFacts] | None
    folding: Source[int]

    @property
    def sources(self) -> tuple[Source[Any], ...]:
        """Those that are read, the redis one last."""
        return (self.ledger, self.dagster, self.disk, *((self.redis,) if self.redis is not None else ()))


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not as it should be; `says` is a line for a person."""

    status: Literal["degraded", "down"]
    says: str


def source_of(seen: Seen[Facts], now: float) -> Source[Facts]:
    """Returns a source as it is at a moment, in monotonic seconds."""
    return Source(
        name=seen.name,
        facts=seen.reading.facts if seen.reading is not None else None,
        age=seen.age(now),
        up=seen.up,
        error=seen.error,
    )


def status_of(troubles: list[Trouble]) -> Status:
    """Returns what troubles come to together."""
    return (
        "down" if any(each.status == "down" for each in troubles) else "degraded" if troubles else "healthy"
    )


def troubles_of(observed: Observed) -> list[Trouble]:
    """Returns all that is not as it should be, what is down first."""
    found = list(_of_sources(observed))
    if (ledger := observed.ledger.present) is not None:
        found += [*_of_accounts(ledger), *_of_work(ledger)]
    if (dagster := observed.dagster.present) is not None:
        found += _of_dagster(dagster)
    if (disk := observed.disk.present) is not None:
        found += _of_disk(disk)
    found += _of_queue(observed)
    return sorted(found, key=lambda each: each.status != "down")


def _of_sources(observed: Observed) -> Iterator[Trouble]:
    names = {"ledger": "the ledger", "dagster": "Dagster's instance", "disk": "the disk", "redis": "Redis"}
    for source in observed.sources:
        if source.up and not source.is_away:
            continue
        why = source.error or "not read yet"
        if source.name == "redis":
            yield Trouble(
                "degraded",
                f"Redis: {why}; commands come by the spool folder alone, events wait in the ledger",
            )
        else:
            status: Literal["degraded", "down"] = "down" if source.is_away else "degraded"
            yield Trouble(status, f"{names[source.name]} has not answered for {source.age:.0f} s: {why}")
    if not observed.folding.up and observed.ledger.up and observed.folding.error is not None:
        yield Trouble(
            "down" if observed.folding.age > AWAY_SECONDS else "degraded",
            f"the ledger takes no writes: {observed.folding.error}",
        )


def _of_accounts(facts: LedgerFacts) -> Iterator[Trouble]:
    usable = [each for each in facts.accounts if each.state in {"ready", "resting"}]
    status: Literal["degraded", "down"] = "degraded" if usable else "down"
    for account in facts.accounts:
        if account.state == "quarantined":
            yield Trouble(status, f"account {account.name} is in quarantine: {account.why}")
        elif account.state == "signed_out":
            yield Trouble(status, f"account {account.name} is not signed in: tg-fetcher login")
    if usable and all(each.state == "resting" for each in usable):
        free_at = min(each.free_at or facts.at for each in usable)
        yield Trouble("degraded", f"every account rests, the first one for {free_at - facts.at:.0f} s more")


def _of_work(facts: LedgerFacts) -> Iterator[Trouble]:
    for condition in facts.conditions:
        if condition.name.startswith(OF_ACCOUNT):
            continue  # told of the account
        yield Trouble(
            "degraded",
            f"{condition.name} has been in trouble for {facts.at - condition.since:.0f} s: {condition.why}",
        )
    for worker in facts.under_way:
        silent = facts.at - worker.heard_of_at
        if silent > WORKER_SECONDS:
            yield Trouble("degraded", f"a run on {worker.host} has not been heard of for {silent:.0f} s")
    if facts.oldest_event_at is not None and facts.at - facts.oldest_event_at > EVENT_SECONDS:
        waited = facts.at - facts.oldest_event_at
        yield Trouble("degraded", f"an event has waited for {waited:.0f} s to be told")


def _of_dagster(state: InstanceState) -> Iterator[Trouble]:
    for name, daemon in state.daemons.items():
        status: Literal["degraded", "down"] = "down" if name in ESSENTIAL else "degraded"
        if daemon.heard_of_at is None:
            yield Trouble(status, f"Dagster's daemon {name} was never heard of")
        elif state.at - daemon.heard_of_at > DAEMON_SECONDS:
            silent = state.at - daemon.heard_of_at
            yield Trouble(status, f"Dagster's daemon {name} has not been heard of for {silent:.0f} s")
        elif daemon.errors:
            yield Trouble("degraded", f"Dagster's daemon {name} reports {daemon.errors} errors")
    for name, tick in state.ticks.items():
        if tick.failed:
            yield Trouble("degraded", f"the last tick of {name} failed")


def _of_disk(facts: DiskFacts) -> Iterator[Trouble]:
    for name, space in facts.spaces.items():
        if space.read_only:
            yield Trouble("down", f"the disk under {name} is read-only")
        elif space.free < FULL_BYTES:
            yield Trouble("down", f"the disk under {name} is full")
        elif space.free < SCARCE_SHARE * space.size:
            yield Trouble("degraded", f"the disk under {name} has {space.free / space.size:.0%} free")


def _of_queue(observed: Observed) -> Iterator[Trouble]:
    waits = {"Redis": observed.redis, "the spool folder": observed.disk}
    for where, source in waits.items():
        facts = source.present if source is not None else None
        if facts is None or facts.oldest_at is None:
            continue
        waited = observed.wall - facts.oldest_at
        if waited > COMMAND_SECONDS:
            yield Trouble("degraded", f"a command has waited in {where} for {waited:.0f} s; nobody takes it")
