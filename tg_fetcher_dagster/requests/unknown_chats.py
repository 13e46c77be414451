"""Commands for chats that nobody has resolved yet: what to ask Telegram for, and when to give up.

Resolving costs a request under an account's lease, so it is a run of its own, one for many chats; its
failures are kept in the table of chats, with their sort.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError, waits
from tg_fetcher_dagster.ledger import requests
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.requests import Request
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.decisions import record_refusals, with_ids
from tg_fetcher_dagster.requests.request_end import refuse
from tg_fetcher_dagster.requests.retrying import FIRST_WAIT, LONGEST_FLOOD, retry_delay, until_of
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.runs import ResolveRequest, RunState, RunStatus
from tg_fetcher_dagster.requests.understanding import Refusal, hopeless, understand
from tg_fetcher_dagster.requests.waiting import note_away

SPELLINGS: Final = 50
"""Chats of one run."""

AT_ONCE: Final = 2_000
"""Commands looked at in a tick; those behind them wait."""

_ABSENT = RunState(RunStatus.ABSENT)


@dataclass(slots=True)
class Verdict:
    """What to do about unknown chats.

    Attributes:
        resolve: runs that do not exist yet.
        known: requests whose chat is known by now.
        changes: requests that are asked for, or put off: columns by request.
        given_up: requests that are hopeless, and why.
        away: what a run met that found Telegram away.
    """

    resolve: list[ResolveRequest] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    given_up: list[tuple[Request, FetchError]] = field(default_factory=list)
    away: FetchError | None = None


def unresolved(ledger: Ledger, now: float) -> list[Request]:
    """Returns the commands that wait for their chat and for no flood, the oldest first."""
    with ledger.read() as connection:
        return requests.of_state(connection, "unresolved", due=now, limit=AT_ONCE)


def judge(
    waiting: Sequence[Request],
    chats: IdentityTable,
    states: Mapping[str, RunState],
    *,
    rules: Rules,
    now: float,
    may_start: bool,
) -> Verdict:
    """Returns which chats to resolve now and which commands are hopeless.

    Args:
        waiting: commands whose chat was unknown.
        chats: the table of chats.
        states: of resolve runs, by their keys.
        rules: further tries after failures that may pass, and how many runs there are at once.
        now: seconds since 1970.
        may_start: False while a run would fail.
    """
    verdict = Verdict()
    by_spelling: dict[str, list[Request]] = {}
    for each in waiting:
        by_spelling.setdefault(each.spelling or "", []).append(each)
    asked: dict[str, list[str]] = {}
    fresh: list[str] = []
    known = chats.known()
    spellings = {canonical: parse_spelling(canonical) for canonical in by_spelling}
    failures = chats.failures(spellings.values()) if spellings else {}
    for canonical, group in by_spelling.items():
        if known.find(spellings[canonical]) is not None:
            verdict.known += [each.request_id for each in group]
            continue
        failure = failures.get(canonical)
        for each in group:
            error = None
            if failure is not None and failure.at.timestamp() > _asked_at(each):
                error = FetchError(failure.error_type, failure.error, retry_after=failure.retry_after)
            _judge_one(verdict, each, error, states, asked=asked, fresh=fresh, rules=rules, now=now)
    active = sum(
        states.get(key, _ABSENT).status is RunStatus.ACTIVE for key in {r.run_id for r in waiting if r.run_id}
    )
    if may_start:
        verdict.resolve += [
            ResolveRequest(run_key, tuple(dict.fromkeys(spellings))) for run_key, spellings in asked.items()
        ]
        _ask_for(verdict, fresh, by_spelling, room=rules.runs_ahead - active - len(asked), now=now)
    return verdict


def apply(
    ledger: Ledger, verdict: Verdict, *, rules: Rules, events: EventMaker, now: float, today: dt.date
) -> int:
    """Writes a verdict down, in one transaction; returns how many events it told."""
    if not (verdict.known or verdict.changes or verdict.given_up):
        return 0
    refused: list[Refusal] = []
    for each, error in verdict.given_up:
        understood = understand(each)
        if isinstance(understood, Refusal):
            refused.append(understood)
        else:
            refused.append(hopeless(understood, error, rules=rules, today=today))
    with ledger.write() as connection:
        requests.lock_planning(connection)
        if verdict.away is not None:
            note_away(connection, verdict.away, now=now)
        ids = [*verdict.known, *(each["request_id"] for each in verdict.changes)]
        ids += [each.request_id for each, _ in verdict.given_up]
        still = requests.still(connection, ids, ["unresolved"])
        requests.set_state(connection, [each for each in verdict.known if each in still], "new")
        requests.change(connection, [each for each in verdict.changes if each["request_id"] in still])
        mine = [each for each in refused if each.request.request_id in still]
        told = record_refusals(connection, mine, events=events)
        refuse(connection, [(each.request, each.error) for each in with_ids(mine)], now=now)
    return told


def _judge_one(
    verdict: Verdict,
    each: Request,
    error: FetchError | None,
    states: Mapping[str, RunState],
    *,
    asked: dict[str, list[str]],
    fresh: list[str],
    rules: Rules,
    now: float,
) -> None:
    spelling = each.spelling or ""
    if error is None and each.run_id is not None:
        state = states.get(each.run_id, _ABSENT)
        if state.status is RunStatus.ACTIVE:
            return
        if state.status is RunStatus.ABSENT:
            if now - _asked_at(each) <= rules.appears_within:
                asked.setdefault(each.run_id, []).append(spelling)
            else:
                fresh.append(spelling)
            return
        error = _ended_without_answer(state)
    if error is None:
        fresh.append(spelling)
    elif waits(error.error_type):
        if error.error_type is ErrorType.TELEGRAM_AWAY:
            verdict.away = error
        until = min(max(until_of(error, now), now + FIRST_WAIT), now + LONGEST_FLOOD)
        _put_off(verdict, each, until, tries=each.tries)
    elif not error.retryable or each.tries >= rules.max_attempts:
        verdict.given_up.append((each, error))
    else:
        delay = min(error.retry_after or retry_delay(each.tries + 1), LONGEST_FLOOD)
        _put_off(verdict, each, now + delay, tries=each.tries + 1)


def _ask_for(
    verdict: Verdict,
    fresh: Sequence[str],
    by_spelling: Mapping[str, Sequence[Request]],
    *,
    room: int,
    now: float,
) -> None:
    """Asks for runs for chats that none was asked for; all commands of a spelling wait for the same run."""
    spellings = list(dict.fromkeys(fresh))
    put_off = {each["request_id"] for each in verdict.changes}
    for number in range(max(0, room)):
        group = tuple(spellings[number * SPELLINGS : (number + 1) * SPELLINGS])
        if not group:
            return
        run_key = f"resolve-{uuid.uuid4().hex}"
        verdict.resolve.append(ResolveRequest(run_key, group))
        verdict.changes += [
            {"request_id": each.request_id, "run_id": run_key, "wait_until": now, "tries": each.tries}
            for spelling in group
            for each in by_spelling[spelling]
            if each.request_id not in put_off
        ]


def _put_off(verdict: Verdict, each: Request, until: float, *, tries: int) -> None:
    verdict.changes.append(
        {"request_id": each.request_id, "run_id": None, "wait_until": until, "tries": tries}
    )


def _asked_at(request: Request) -> float:
    """Since when an answer about its chat is awaited."""
    return max(request.received_at, request.wait_until or 0.0)


def _ended_without_answer(state: RunState) -> FetchError:
    """A run that ended and left neither an identity nor a failure."""
    if state.error is not None:
        return state.error
    if state.status is RunStatus.CANCELED:
        return FetchError(ErrorType.CANCELLED, "resolving the chat was cancelled by an operator")
    # Worth another try: a killed worker says nothing.
    return FetchError(ErrorType.NETWORK, "the run that resolves the chat ended without an answer")
