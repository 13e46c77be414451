"""How days are asked for without a command: by the schedule, healing, a UI run, `fetch --direct`."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import structlog

from tg_fetcher_dagster.ledger import requests
from tg_fetcher_dagster.ledger.database import Connection, after_commit
from tg_fetcher_dagster.requests.planning import plan_unseen
from tg_fetcher_dagster.requests.understanding import RANGE, URGENT, URGENT_DAYS
from tg_fetcher_dagster.requests.wanted_days import Wanted

log = structlog.get_logger(__name__)

RequestSource = Literal["redis", "spool", "cli", "schedule", "heal", "ui", "direct"]

DAILY = 90
"""The urgency of a daily round; the others stand in requests/understanding.py."""


def new_id() -> str:
    """Returns a fresh id for a request."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """Days that somebody asks for.

    Attributes:
        source: who asks.
        days: by chat key; the unfinished day may be among them.
        force: fetch complete days again.
        limit: at most so many messages a day.
        priority: None: by the number of days (docs/ledger.md).
        run_id: of a run that asks for its own days.
        raw: the command as somebody could push it again; only with it a failure leaves a dead letter.
    """

    source: RequestSource
    days: Mapping[str, Sequence[dt.date]]
    force: bool = False
    limit: int | None = None
    strategy: Literal["batch", "per_day"] = "batch"
    priority: int | None = None
    requested_by: str = "unknown"
    run_id: str | None = None
    command_id: str | None = None
    correlation_id: str | None = None
    raw: bytes | None = None
    request_id: str = field(default_factory=new_id)


def ask(connection: Connection, request: NewRequest, *, now: float, batch_id: str | None = None) -> str:
    """Writes a request with its days down, in the caller's transaction; returns its id.

    Args:
        connection: of a transaction that writes.
        request: what is asked.
        now: seconds since 1970.
        batch_id: of a run that has begun already and reads these very days; None: the reconciler starts one.
            Days that are complete are not looked at here: the run tells that they are.
    """
    ask_all(connection, [request], now=now, batch_id=batch_id)
    return request.request_id


def ask_all(
    connection: Connection, asked: Sequence[NewRequest], *, now: float, batch_id: str | None = None
) -> None:
    """Writes many requests with their days down, as `ask` does one, in their order."""
    requests.insert(connection, [_row(each, now=now) for each in asked])
    seqs = requests.seq_of(connection, [each.request_id for each in asked])
    wanted = [_wanted(each, seqs[each.request_id]) for each in asked]
    plan_unseen(connection, wanted, batch_id=batch_id, now=now)
    for each in asked:
        after_commit(connection, partial(_say, each, batch_id))


def _say(request: NewRequest, batch_id: str | None) -> None:
    days = [day for of_chat in request.days.values() for day in of_chat]
    log.info(
        "days asked for",
        correlation_id=_correlation_id(request),
        command_id=request.command_id,
        request_id=request.request_id,
        batch_id=batch_id,
        source=request.source,
        requested_by=request.requested_by,
        chat=_only_chat(request),
        chat_count=len(request.days),
        days=len(days),
        first=min(days).isoformat() if days else None,
        last=max(days).isoformat() if days else None,
    )


def _row(request: NewRequest, *, now: float) -> dict[str, Any]:
    only = _only_chat(request)
    return {
        "request_id": request.request_id,
        "source": request.source,
        "state": "planned",
        "raw": request.raw,
        "command_id": request.command_id,
        "correlation_id": _correlation_id(request),
        "spelling": only,
        "chat": only,
        "force": request.force,
        "message_limit": request.limit,
        "strategy": request.strategy,
        "priority": _priority(request),
        "requested_by": request.requested_by,
        "received_at": now,
        "planned_at": now,
        "run_id": request.run_id,
        "open_days": sum(len(days) for days in request.days.values()),
    }


def _wanted(request: NewRequest, seq: int) -> Wanted:
    return Wanted(
        request_id=request.request_id,
        seq=seq,
        days=request.days,
        priority=_priority(request),
        correlation_id=_correlation_id(request),
        command_id=request.command_id,
        force=request.force,
        limit=request.limit,
        strategy=request.strategy,
        look=False,
    )


def _priority(request: NewRequest) -> int:
    if request.priority is not None:
        return request.priority
    if request.source in {"schedule", "heal"}:
        return DAILY
    longest = max((len(days) for days in request.days.values()), default=0)
    return URGENT if longest <= URGENT_DAYS else RANGE


def _only_chat(request: NewRequest) -> str | None:
    return next(iter(request.days)) if len(request.days) == 1 else None


def _correlation_id(request: NewRequest) -> str:
    return request.correlation_id or request.command_id or request.request_id
