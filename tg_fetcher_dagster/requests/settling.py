"""Open batches: followed to their end; and claims: let go when all their batches are done."""

from functools import partial

import structlog

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.requests.following import Failure, Step, Verdict, asked_by, judge
from tg_fetcher_dagster.requests.journal import Change, ClaimFailure
from tg_fetcher_dagster.requests.ticking import Tick

log = structlog.get_logger(__name__)


def follow(tick: Tick) -> None:
    """Asks of every open batch what its run came to; collects those that must be started."""
    order = {claim_id: number for number, claim_id in enumerate(tick.claims)}
    first_asked = sorted(
        tick.batches.values(),
        key=lambda batch: (min(order.get(each, len(order)) for each in batch.claim_ids), batch.first),
    )
    for batch in first_asked:
        if tick.waits(batch.batch_id):
            continue
        verdict = judge(
            batch,
            tick.outside.run_state(batch.run_key),
            partial(tick.outside.outcomes, batch.batch_id),
            max_attempts=tick.rules.max_attempts,
        )
        if verdict.step is Step.START:
            tick.result.start.append(batch)
        elif verdict.step is Step.AGAIN:
            _again(tick, verdict)
        elif verdict.step is Step.DONE:
            _done(tick, verdict)
    tick.result.start = tick.result.start[: tick.rules.starts_a_tick]


def settle(tick: Tick) -> None:
    """Lets every claim go whose batches are all done."""
    _plan_anew(tick)
    for claim in list(tick.claims.values()):
        if claim.batches is not None and not set(claim.batches) & tick.batches.keys():
            tick.end(claim, claim.failure)
    tick.result.open_batches = len(tick.batches)


def _again(tick: Tick, verdict: Verdict) -> None:
    batch = verdict.batch
    change = Change(batches=[batch])
    if verdict.seconds > 0:
        change.delayed[batch.batch_id] = tick.now.timestamp() + verdict.seconds
    if not tick.commit(change):
        return
    log.warning(
        "days are left for another run",
        batch=batch.batch_id, chat=batch.chat_key, attempt=batch.attempt, seconds=verdict.seconds,
    )  # fmt: skip
    if verdict.seconds <= 0:
        tick.result.start.append(batch)


def _done(tick: Tick, verdict: Verdict) -> None:
    batch = verdict.batch
    for day, error in verdict.untold.items():
        tick.tell(
            Failure(
                request_id=batch.batch_id,
                command_ids=tuple(asked.command_id for asked in asked_by(batch, day)),
                correlation_id=batch.correlation_id,
                chat=batch.chat_key,
                day=day,
                error=error,
            )
        )
    hit: dict[str, FetchError] = {}
    for day, error in verdict.failed.items():
        for asked in asked_by(batch, day):
            hit.setdefault(asked.claim_id, error)
    failures = {key: ClaimFailure.of(error, retry_count=batch.attempt) for key, error in hit.items()}
    claims = [
        claim.changed(failure=failures[key])
        for key, claim in tick.claims.items()
        if key in failures and claim.failure is None
    ]
    tick.commit(Change(claims=claims, done=[batch.batch_id]))


def _plan_anew(tick: Tick) -> None:
    """Claims of a batch that this version cannot read are planned again: days that are done stay done."""
    if not tick.unreadable:
        return
    claims = [
        claim.changed(batches=None)
        for claim in tick.claims.values()
        if claim.batches is not None and set(claim.batches) & tick.unreadable
    ]
    tick.commit(Change(claims=claims, done=sorted(tick.unreadable)))
