"""How days are asked for without a command: by the schedule, healing, a UI run, `fetch --direct`."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import structlog

from tg_fetcher_dagster.ledger import requests
from tg_fetcher_dagster.ledger.database import Connection, after_commit
from tg_fetcher_dagster.requests.planning import Wanted, plan_unseen
from tg_fetcher_dagster.requests.understanding import RANGE, URGENT, URGENT_DAYS

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
    longest = max((len(days) for days in request.days.values()), default=0)
    priority = request.priority
    if priority is None:
        daily = request.source in {"schedule", "heal"}
        priority = DAILY if daily else URGENT if longest <= URGENT_DAYS else RANGE
    only = next(iter(request.days)) if len(request.days) == 1 else None
    correlation_id = request.correlation_id or request.command_id or request.request_id
    requests.insert(
        connection,
        [
            {
                "request_id": request.request_id,
                "source": request.source,
                "state": "planned",
                "raw": request.raw,
                "command_id": request.command_id,
                "correlation_id": correlation_id,
                "spelling": only,
                "chat": only,
                "force": request.force,
                "message_limit": request.limit,
                "strategy": request.strategy,
                "priority": priority,
                "requested_by": request.requested_by,
                "received_at": now,
                "planned_at": now,
                "run_id": request.run_id,
                "open_days": sum(len(days) for days in request.days.values()),
            }
        ],
    )
    seq = requests.seq_of(connection, [request.request_id])[request.request_id]
    wanted = Wanted(
        request_id=request.request_id,
        seq=seq,
        days=request.days,
        priority=priority,
        correlation_id=correlation_id,
        command_id=request.command_id,
        force=request.force,
        limit=request.limit,
        strategy=request.strategy,
        look=False,
    )
    plan_unseen(connection, wanted, batch_id=batch_id, now=now)
    days = [day for of_chat in request.days.values() for day in of_chat]
    after_commit(
        connection,
        lambda: log.info(
            "days asked for",
            correlation_id=correlation_id,
            command_id=request.command_id,
            request_id=request.request_id,
            batch_id=batch_id,
            source=request.source,
            requested_by=request.requested_by,
            chat=only,
            chat_count=len(request.days),
            days=len(days),
            first=min(days).isoformat() if days else None,
            last=max(days).isoformat() if days else None,
        ),
    )
    return request.request_id
