"""What one tick of the dispatch works on: the rules, the outside world, what is held, what comes of it."""

import datetime as dt
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Self
from zoneinfo import ZoneInfo

import structlog

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.requests.dead_letters import dead_letter
from tg_fetcher_dagster.requests.following import Failure, Outcomes, RunState
from tg_fetcher_dagster.requests.journal import Change, Claim, ClaimFailure
from tg_fetcher_dagster.requests.plan import DEFAULT_REQUESTS_A_DAY, Batch, Estimate
from tg_fetcher_dagster.requests.queue import CommandQueue
from tg_fetcher_dagster.requests.resolving import ResolveRequest
from tg_fetcher_dagster.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings that decide what a command means.

    Attributes:
        history_start: the first day that can be fetched.
        zone: of a day's bounds.
        max_attempts: fresh runs after workers that died, and resolves after failures that may pass.
        force: every command is forced (FORCE_REFETCH).
        claims_a_tick: commands taken from the queue in one tick.
        starts_a_tick: run requests of one tick; beyond about 100 a tick gets slow (dagster.md, sensors).
    """

    history_start: dt.date
    zone: ZoneInfo
    max_attempts: int = 3
    force: bool = False
    claims_a_tick: int = 200
    starts_a_tick: int = 100

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Returns the rules of the present settings."""
        return cls(
            history_start=settings.history_start,
            zone=settings.zone,
            max_attempts=settings.max_retry_attempts,
            force=settings.force_refetch,
        )


@dataclass(frozen=True, slots=True)
class ChatFacts:
    """What is stored of a chat; read only for `incremental`."""

    first_fetched: dt.date | None = None
    final_days: Container[dt.date] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What a tick asks and tells the world outside Redis.

    Attributes:
        run_state: of the run with this key (a batch's `run_key` or a resolve's).
        outcomes: the terminal events recorded for a `batch_id` (`Outbox.outcomes`).
        tell_failed: leaves a `fetch_failed` in the outbox; may be called again with the same failure.
        facts: what is stored of a chat.
        estimate: how many requests a day of a chat may cost.
        planning_time: what time it is for Telegram at a moment of this machine's clock: by it a command's
            days are counted, while what the dispatch keeps goes by the machine's.
    """

    run_state: Callable[[str], RunState]
    outcomes: Callable[[str], Outcomes]
    tell_failed: Callable[[Failure], None]
    facts: Callable[[ChatIdentity], ChatFacts] = lambda _identity: ChatFacts()
    estimate: Estimate = lambda _chat, _day: DEFAULT_REQUESTS_A_DAY
    planning_time: Callable[[dt.datetime], dt.datetime] = lambda moment: moment


@dataclass(slots=True)
class TickResult:
    """What a tick came to.

    Attributes:
        start: batches whose run does not exist yet; returned again each tick until it does.
        resolve: resolve runs that do not exist yet; likewise.
        failures: every failure that was told in this tick.
        settled: ids of the claims that ended, well or as dead letters.
        dead: ids of those of them that became dead letters.
        notes: (command id, what the requester should know).
        open_batches: how many batches are not done.
    """

    start: list[Batch] = field(default_factory=list)
    resolve: list[ResolveRequest] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    open_batches: int = 0


class Tick:
    """One tick's view: what was read once, kept in step with what it has committed since."""

    def __init__(
        self,
        queue: CommandQueue,
        identities: IdentityTable,
        *,
        rules: Rules,
        outside: Outside,
        now: dt.datetime,
    ) -> None:
        held = queue.read(now.timestamp())
        self.identities = identities
        self.rules = rules
        self.outside = outside
        self.now = now
        self.result = TickResult()
        self.claims: dict[str, Claim] = {claim.claim_id: claim for claim in held.claims}
        self.batches: dict[str, Batch] = dict(held.batches)
        self.unreadable = held.unreadable
        self._delayed = dict(held.delayed)
        self._queue = queue

    def waits(self, key: str) -> bool:
        """True while a claim or batch is left alone because of a flood."""
        return self._delayed.get(key, 0.0) > self.now.timestamp()

    def commit(self, change: Change) -> bool:
        """Writes a decision down; False where another tick was faster, and then nothing is to be done."""
        if not self._queue.commit(change):
            return False
        for batch_id in (*change.done, *(batch.batch_id for batch in change.batches)):
            self._delayed.pop(batch_id, None)
        self._delayed.update(change.delayed)
        self.claims.update((claim.claim_id, claim) for claim in change.claims)
        self.batches.update((batch.batch_id, batch) for batch in change.batches)
        for claim_id in change.settled:
            self.claims.pop(claim_id, None)
        for batch_id in change.done:
            self.batches.pop(batch_id, None)
        return True

    def tell(self, failure: Failure) -> None:
        """Tells a failure; always before the claim that it belongs to is let go."""
        self.outside.tell_failed(failure)
        self.result.failures.append(failure)

    def end(self, claim: Claim, failure: ClaimFailure | None = None) -> None:
        """Lets a claim go: well, or into the dead letters."""
        letters = [dead_letter(claim.raw, failure, at=self.now)] if failure else []
        if not self.commit(Change(settled=[claim.claim_id], dead=letters)):
            return
        self.result.settled.append(claim.claim_id)
        if failure:
            self.result.dead.append(claim.claim_id)
            log.warning(
                "command dead-lettered",
                claim=claim.claim_id, error=failure.error, error_type=failure.error_type.value,
            )  # fmt: skip
