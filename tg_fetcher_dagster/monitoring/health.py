"""The page `/health`: the verdict, its reasons, and what they rest on. Pure."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from tg_fetcher_dagster.defs.instance_facts import InstanceState
from tg_fetcher_dagster.logs.masking import masked
from tg_fetcher_dagster.monitoring.verdict import Observed, Source, Status, status_of, troubles_of

Telegram = Literal["connected", "disconnected", "resting", "signed_out", "unknown"]
Redis = Literal["connected", "disconnected", "none"]


class SourceHealth(BaseModel):
    """A source: whether the last look was answered, and how old what is known of it is."""

    model_config = ConfigDict(frozen=True)

    up: bool
    age_seconds: float
    error: str | None


class WorkHealth(BaseModel):
    """What is asked for, done and told.

    Attributes:
        queued: commands that nobody has taken, in Redis and the spool folder.
        hosts: on which runs are under way.
        oldest_heartbeat_seconds: since the quietest run was heard of; None where none is under way.
    """

    model_config = ConfigDict(frozen=True)

    queued: int | None
    days_ready: int
    days_running: int
    days_delayed: int
    hosts: int
    oldest_heartbeat_seconds: float | None
    events_pending: int
    dead_letters: int
    given_up_days: int


class Health(BaseModel):
    """The fetcher at one moment.

    Attributes:
        status: `degraded`: it goes on, later or in another way; `down`: no day can be read or kept.
        reasons: why it is not healthy, in words, what is down first.
        redis: `none` where REDIS_URL is empty.
        telegram: by what the last runs met; nobody asks Telegram for it.
        last_fetch: when a day was last read; None for never, or where the ledger was never read.
        daemons: seconds since each of Dagster's daemons was heard of; None for never.
        accounts: how many are in each state.
    """

    model_config = ConfigDict(frozen=True)

    status: Status
    reasons: list[str]
    redis: Redis
    telegram: Telegram
    last_fetch: datetime | None
    checked_at: datetime
    sources: dict[str, SourceHealth]
    daemons: dict[str, float | None]
    accounts: dict[str, int]
    work: WorkHealth | None


def health_of(observed: Observed) -> Health:
    """Returns the page for what the sources said last."""
    troubles = troubles_of(observed)
    ledger, dagster = observed.ledger.facts, observed.dagster.facts
    newest = ledger.newest_success_at if ledger is not None else 0.0
    return Health(
        status=status_of(troubles),
        reasons=[masked(each.says) for each in troubles],
        redis=_redis(observed.redis),
        telegram=_telegram(observed),
        last_fetch=datetime.fromtimestamp(newest, UTC) if newest else None,
        checked_at=datetime.fromtimestamp(observed.wall, UTC),
        sources={
            each.name: SourceHealth(up=each.up, age_seconds=round(each.age, 1), error=each.error)
            for each in observed.sources
        },
        daemons=_daemons(dagster) if dagster is not None else {},
        accounts=dict(Counter(each.state for each in ledger.accounts)) if ledger is not None else {},
        work=_work(observed),
    )


def _daemons(state: InstanceState) -> dict[str, float | None]:
    return {
        name: None if daemon.heard_of_at is None else round(state.at - daemon.heard_of_at, 1)
        for name, daemon in state.daemons.items()
    }


def _redis(source: Source[Any] | None) -> Redis:
    if source is None:
        return "none"
    return "connected" if source.up and not source.is_away else "disconnected"


def _telegram(observed: Observed) -> Telegram:
    facts = observed.ledger.present
    if facts is None:
        return "unknown"
    states = {each.state for each in facts.accounts}
    if not states & {"ready", "resting"}:
        return "signed_out"
    if any(each.name == "telegram" for each in facts.conditions):
        return "disconnected"
    return "connected" if "ready" in states else "resting"


def _work(observed: Observed) -> WorkHealth | None:
    facts = observed.ledger.facts
    if facts is None:
        return None
    redis = observed.redis.facts if observed.redis is not None else None
    disk = observed.disk.facts
    known = [
        count
        for count in (redis.queued if redis is not None else None, disk.spooled if disk is not None else None)
        if count is not None
    ]
    heard_of = facts.heard_of_at
    return WorkHealth(
        queued=sum(known) if known else None,
        days_ready=facts.open_days.ready,
        days_running=facts.open_days.running,
        days_delayed=facts.open_days.delayed,
        hosts=len({each.host for each in facts.under_way}),
        oldest_heartbeat_seconds=round(facts.at - heard_of, 1) if heard_of is not None else None,
        events_pending=facts.events_pending,
        dead_letters=facts.dead_letters,
        given_up_days=facts.given_up_days,
    )
