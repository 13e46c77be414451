"""A request's life in the log: taken, planned or refused, its batches, its end (docs/logs.md).

Each line stands once the transaction that it tells of is durable, and carries the `correlation_id` of whoever
asked, so that one search shows all that became of a command; a line about several carries all of theirs.
"""

import datetime as dt
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import structlog

from tg_fetcher_dagster.ledger import asks
from tg_fetcher_dagster.ledger.attempts import Attempt
from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.ledger.database import Connection, after_commit
from tg_fetcher_dagster.ledger.requests import Request, RequestState
from tg_fetcher_dagster.requests.understanding import Ids, Meant, Refusal, Understood

log = structlog.get_logger(__name__)

NAMED: Final = 50
"""Who asked, named on one line; a batch of more has further lines."""


def taken(connection: Connection, request: Request, command: Understood) -> None:
    """A command makes sense; told once, however long its chat is looked up."""
    if request.run_id is not None:
        return
    asked = command.command
    at = asked.timestamp.timestamp() if asked.timestamp else request.received_at
    _say(
        connection,
        "command taken",
        {
            **_ids(command.ids, request),
            "chat": asked.spelling.canonical,
            "mode": asked.mode,
            "wait_seconds": round(max(0.0, time.time() - at), 3),
        },
    )


def planned(connection: Connection, meant: Meant) -> None:
    """A command's days are known."""
    _say(
        connection,
        "command planned",
        {
            **_ids(meant.understood.ids, meant.understood.request),
            "chat": meant.chat,
            "mode": meant.understood.command.mode,
            "days": len(meant.days),
            "days_refused": len(meant.refused),
            "first": _day(meant.days, 0),
            "last": _day(meant.days, -1),
        },
    )


def waits(connection: Connection, ids: Ids, request: Request, why: str, *, until: float | None) -> None:
    """A command waits before it can be planned."""
    seconds = None if until is None else round(max(0.0, until - time.time()), 1)
    _say(
        connection,
        "command waits",
        {
            **_ids(ids, request),
            "chat": ids.chat,
            "reason": why,
            "wait_seconds": seconds,
        },
    )


def refused(connection: Connection, refusal: Refusal) -> None:
    """A command cannot be carried out."""
    _say(
        connection,
        "command refused",
        {
            **_ids(refusal.ids, refusal.request),
            "chat": refusal.chat,
            "error_type": refusal.error.error_type.value,
            "error": refusal.error.message,
        },
        level=logging.WARNING,
    )


def batches_made(connection: Connection, made: Sequence[Batch]) -> None:
    """Runs are asked for."""
    askers = asks.correlation_ids_of(connection, [each.batch_id for each in made]) if made else {}
    for batch in made:
        for ids in _by_line(askers[batch.batch_id]):
            _say(
                connection,
                "batch asked for",
                {
                    "batch_id": batch.batch_id,
                    "chats": list(batch.chats),
                    "first": batch.first.isoformat(),
                    "last": batch.last.isoformat(),
                    "days": len(batch.days),
                    "correlation_ids": ids,
                },
            )


def _by_line(askers: Sequence[str]) -> Iterator[list[str]]:
    """Yields the correlation ids of all who wait, as many as one line names; at least once."""
    yield list(askers[:NAMED])
    for place in range(NAMED, len(askers), NAMED):
        yield list(askers[place : place + NAMED])


def run_began(connection: Connection, run_id: str, batch_id: str, *, chats: Sequence[str], days: int) -> None:
    """A run has registered: this is what it will do."""
    for ids in _by_line(asks.correlation_ids_of(connection, [batch_id])[batch_id]):
        _say(
            connection,
            "run began",
            {
                "run_id": run_id,
                "batch_id": batch_id,
                "chats": list(chats),
                "days": days,
                "correlation_ids": ids,
            },
        )


def run_ended(connection: Connection, run: Attempt, status: str, found: Mapping[str, object]) -> None:
    """A run has come to its end, or was found dead."""
    _say(
        connection,
        "run ended",
        {
            "run_id": run.run_id,
            "batch_id": run.batch_id,
            "status": status,
            "duration_seconds": round(time.time() - run.began_at, 3),
            **found,
        },
        level=logging.WARNING if status in {"failed", "died"} else logging.INFO,
    )


def ended(connection: Connection, request: Request, state: RequestState) -> None:
    """All days of a request have ended."""
    _say(
        connection,
        "request ended",
        {
            "correlation_id": request.correlation_id,
            "command_id": request.command_id,
            "request_id": request.request_id,
            "source": request.source,
            "chat": request.chat,
            "status": state,
            "days_failed": request.failed_days,
            "retry_count": request.tries,
            "duration_seconds": round(max(0.0, time.time() - request.received_at), 3),
            "error_type": request.error_type,
            "error": request.error,
        },
        level=logging.WARNING if state == "failed" else logging.INFO,
    )


def _say(
    connection: Connection, event: str, fields: Mapping[str, object], *, level: int = logging.INFO
) -> None:
    after_commit(connection, partial(log.log, level, event, **fields))


def _ids(ids: Ids, request: Request) -> dict[str, str]:
    return {
        "correlation_id": ids.correlation_id,
        "command_id": ids.command_id,
        "request_id": request.request_id,
        "requested_by": ids.requested_by,
        "source": request.source,
    }


def _day(days: Sequence[dt.date], place: int) -> str | None:
    return days[place].isoformat() if days else None
