"""New claims: read, refused or understood, and planned into batches."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import orjson
import structlog

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.requests.command import FetchCommand, parse_command
from tg_fetcher_dagster.requests.dates import Expansion, expand
from tg_fetcher_dagster.requests.following import Failure
from tg_fetcher_dagster.requests.journal import Change, Claim, ClaimFailure
from tg_fetcher_dagster.requests.plan import Ask, plan
from tg_fetcher_dagster.requests.resolving import Unresolved, judge_unresolved
from tg_fetcher_dagster.requests.ticking import ChatFacts, Tick

log = structlog.get_logger(__name__)

FAILURES_A_TICK = 500
"""Failures told in one tick until what is left waits for the next one: each is synced to the disk, and a tick
has 60 s. 3,000 took 26 s once, and a tick that Dagster has ended begins anew: the queue would stand still."""


def take_in(tick: Tick) -> None:
    """Plans every claim that has no plan yet; what cannot be planned ends or waits for a resolve."""
    asks: list[Ask] = []
    unresolved: list[Unresolved] = []
    for claim in [claim for claim in tick.claims.values() if claim.batches is None]:
        if len(tick.result.failures) >= FAILURES_A_TICK:
            break
        if (command := _understood(tick, claim)) is None:
            continue
        if identity := tick.identities.find(command.spelling):
            asks += _asks(tick, claim, command, identity)
        elif not tick.waits(claim.claim_id):
            unresolved.append(Unresolved(claim, command))
    _resolve(tick, unresolved)
    _journal_plan(tick, asks)


def _understood(tick: Tick, claim: Claim) -> FetchCommand | None:
    """The command of a claim; one that makes no sense is told of and dead-lettered."""
    try:
        return parse_command(claim.raw, made_up_id=claim.claim_id)
    except FetchError as error:
        refusal = error
    except Exception as error:
        # A command that breaks the parser must not stop the queue behind it; it stays visible as an
        # internal dead letter, with the stack trace here.
        log.exception("a command broke the parser", claim=claim.claim_id)
        refusal = FetchError(ErrorType.INTERNAL, f"the command broke its parser: {error!r}")
    given = _readable_part(claim.raw)
    command_id = str(given.get("command_id") or claim.claim_id)[:200]
    tick.tell(
        Failure(
            request_id=claim.claim_id,
            command_ids=(command_id,),
            correlation_id=str(given.get("correlation_id") or command_id)[:200],
            chat=_likely_key(given.get("chat")),
            day=None,
            error=refusal,
        )
    )
    tick.end(claim, ClaimFailure.of(refusal))
    return None


def _asks(tick: Tick, claim: Claim, command: FetchCommand, identity: ChatIdentity) -> list[Ask]:
    """What a command wants; nothing where all of it is refused or there is nothing to do."""
    for moved in tick.identities.moved():
        if moved.name == command.spelling.username:
            tick.result.notes.append((command.command_id, moved.line))
    facts = tick.outside.facts(identity) if command.mode == "incremental" else ChatFacts()
    expansion = _expanded(tick, command, identity.first_message_date, facts)
    for refused in expansion.refused:
        error = FetchError(ErrorType.VALIDATION, f"{refused.day} {refused.reason}")
        _tell_day(tick, claim, command, chat=identity.key, day=refused.day, error=error)
    for note in expansion.notes:
        tick.result.notes.append((command.command_id, note))
        log.info(note, chat=identity.key, correlation_id=command.correlation_id)
    if expansion.refusal or not (expansion.days or expansion.today):
        tick.end(claim, ClaimFailure.of(expansion.refusal) if expansion.refusal else None)
        return []
    return [
        Ask(
            claim_id=claim.claim_id,
            command_id=command.command_id,
            correlation_id=command.correlation_id,
            chat_key=identity.key,
            days=expansion.days,
            today=expansion.today,
            force=command.force or tick.rules.force,
            limit=command.limit,
            strategy=command.strategy,
            requested_by=command.requested_by,
            requested_at=command.timestamp,
        )
    ]


def _journal_plan(tick: Tick, asks: Sequence[Ask]) -> None:
    """Plans and writes the plan down, as a whole or not at all."""
    batches = plan(asks, estimate=tick.outside.estimate)
    answering: dict[str, list[str]] = {ask.claim_id: [] for ask in asks}
    for batch in batches:
        for claim_id in batch.claim_ids:
            answering[claim_id].append(batch.batch_id)
    claims = [tick.claims[key].changed(batches=tuple(ids)) for key, ids in answering.items()]
    if claims:
        tick.commit(Change(claims=claims, batches=batches))


def _resolve(tick: Tick, unresolved: Sequence[Unresolved]) -> None:
    """Asks for chats that are not known yet, and gives up where that is hopeless."""
    verdict = judge_unresolved(
        unresolved,
        failure=tick.identities.failure,
        run_state=tick.outside.run_state,
        now=tick.now,
        max_attempts=tick.rules.max_attempts,
    )
    if not verdict.change.claims or tick.commit(verdict.change):
        tick.result.resolve += verdict.requests
    for each, error in verdict.given_up:
        chat = each.spelling.likely_key
        for day in _days_known_without_the_chat(tick, each.command) or (None,):
            _tell_day(tick, each.claim, each.command, chat=chat, day=day, error=error)
        tick.end(each.claim, ClaimFailure.of(error, retry_count=each.claim.resolve_attempt))


def _days_known_without_the_chat(tick: Tick, command: FetchCommand) -> tuple[dt.date, ...]:
    if command.mode in {"full", "incremental"}:
        return ()
    expansion = _expanded(tick, command, None, ChatFacts())
    refused = (each.day for each in expansion.refused)
    return tuple(sorted({*expansion.days, *refused, *filter(None, [expansion.today])}))


def _expanded(
    tick: Tick, command: FetchCommand, first_message: dt.date | None, facts: ChatFacts
) -> Expansion:
    return expand(
        command,
        today=tick.outside.planning_time(tick.now).astimezone(tick.rules.zone).date(),
        history_start=tick.rules.history_start,
        first_message=first_message,
        final_days=facts.final_days,
        first_fetched=facts.first_fetched,
    )


def _tell_day(
    tick: Tick, claim: Claim, command: FetchCommand, *, chat: str, day: dt.date | None, error: FetchError
) -> None:
    tick.tell(
        Failure(
            request_id=claim.claim_id,
            command_ids=(command.command_id,),
            correlation_id=command.correlation_id,
            chat=chat,
            day=day,
            error=error,
        )
    )


def _readable_part(raw: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return given if isinstance(given, dict) else {}


def _likely_key(chat: object) -> str | None:
    if not isinstance(chat, str | int):
        return None
    try:
        return parse_spelling(chat).likely_key
    except FetchError:
        return None
