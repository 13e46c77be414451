"""Commands for chats that nobody has resolved yet. Pure: what to ask for, and when to give up.

Resolving costs a request under an account's lease, so it is a run of its own, one for all the chats that
a tick does not know; its failures are kept in the identity table, with their sort.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tg_fetcher_dagster.chats.identity import ResolveFailure
from tg_fetcher_dagster.chats.spelling import ChatSpelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.requests.command import FetchCommand
from tg_fetcher_dagster.requests.following import RunState, RunStatus
from tg_fetcher_dagster.requests.journal import Change, Claim


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A command whose chat is not in the identity table."""

    claim: Claim
    command: FetchCommand

    @property
    def spelling(self) -> ChatSpelling:
        """How the chat is named."""
        return self.command.spelling


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """One run that resolves chats.

    Attributes:
        run_key: names the run.
        spellings: canonical spellings; `parse_spelling` reads them.
        claim_ids: the claims that wait for it.
        correlation_id: of the first command.
    """

    run_key: str
    spellings: tuple[str, ...]
    claim_ids: tuple[str, ...]
    correlation_id: str


@dataclass(slots=True)
class ResolveVerdict:
    """What to do about unresolved chats.

    Attributes:
        requests: runs that do not exist yet.
        given_up: commands to dead-letter, and why.
        change: what to journal before acting.
    """

    requests: list[ResolveRequest] = field(default_factory=list)
    given_up: list[tuple[Unresolved, FetchError]] = field(default_factory=list)
    change: Change = field(default_factory=Change)


def judge_unresolved(
    unresolved: Sequence[Unresolved],
    *,
    failure: Callable[[ChatSpelling], ResolveFailure | None],
    run_state: Callable[[str], RunState],
    now: dt.datetime,
    max_attempts: int,
) -> ResolveVerdict:
    """Returns which chats to resolve now and which commands are hopeless.

    Args:
        unresolved: commands whose chat is unknown and that wait for no flood.
        failure: the last failure of a spelling; one older than the command's claim does not count.
        run_state: of a resolve run.
        now: the tick's time.
        max_attempts: further tries after failures that may pass.
    """
    verdict = ResolveVerdict()
    fresh: list[Unresolved] = []
    asked: dict[str, list[Unresolved]] = {}
    states: dict[str, RunState] = {}
    for each in unresolved:
        error = _failed(each, failure(each.spelling))
        run_key = each.claim.resolve_run
        if error is None and run_key is not None:
            state = states.setdefault(run_key, run_state(run_key))
            if state.status is RunStatus.ABSENT:
                asked.setdefault(run_key, []).append(each)
                continue
            if state.status is RunStatus.ACTIVE:
                continue
            error = _ended_without_answer(state)
        if error is None:
            fresh.append(each)
        elif not error.retryable or each.claim.resolve_attempt >= max_attempts:
            verdict.given_up.append((each, error))
        else:
            _try_later(verdict.change, each.claim, error, now=now)
    verdict.requests = [_request(run_key, group) for run_key, group in asked.items()]
    if fresh:
        run_key = _run_key(fresh)
        verdict.change.claims += [
            each.claim.changed(resolve_run=run_key, resolve_since=now.timestamp()) for each in fresh
        ]
        verdict.requests.append(_request(run_key, fresh))
    return verdict


def _failed(each: Unresolved, known: ResolveFailure | None) -> FetchError | None:
    if known is None or known.at.timestamp() <= each.claim.asked_at:
        return None
    return FetchError(known.error_type, known.error, retry_after=known.retry_after)


def _ended_without_answer(state: RunState) -> FetchError:
    """A run that ended and left neither an identity nor a failure."""
    if state.error is not None:
        return state.error
    if state.status is RunStatus.CANCELED:
        return FetchError(ErrorType.INTERNAL, "resolving the chat was canceled by an operator")
    # Worth another try: a killed worker says nothing.
    return FetchError(ErrorType.NETWORK, "the run that resolves the chat ended without an answer")


def _try_later(change: Change, claim: Claim, error: FetchError, *, now: dt.datetime) -> None:
    """Frees the claim for another resolve, after the flood where there is one."""
    change.claims.append(
        claim.changed(
            resolve_run=None,
            resolve_attempt=claim.resolve_attempt + 1,
            resolve_since=now.timestamp(),
        )
    )
    if error.retry_after:
        change.delayed[claim.claim_id] = now.timestamp() + error.retry_after


def _run_key(fresh: Iterable[Unresolved]) -> str:
    """`resolve-{hash of the claims}-{attempt}`: the same claims and attempt give the same run."""
    claims = sorted((each.claim.claim_id, each.claim.resolve_attempt) for each in fresh)
    named = "|".join(claim_id for claim_id, _ in claims)
    digest = hashlib.sha256(named.encode()).hexdigest()[:20]
    return f"resolve-{digest}-{max(attempt for _, attempt in claims) + 1}"


def _request(run_key: str, group: Sequence[Unresolved]) -> ResolveRequest:
    return ResolveRequest(
        run_key=run_key,
        spellings=tuple(dict.fromkeys(each.spelling.canonical for each in group)),
        claim_ids=tuple(each.claim.claim_id for each in group),
        correlation_id=group[0].command.correlation_id,
    )
