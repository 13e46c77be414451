"""The end of a request: all its days have ended, or it was refused; what failed leaves a dead letter."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger import dead_letters, requests
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.ledger.requests import Request, RequestState
from tg_fetcher_dagster.metrics.counted import REFUSED, REQUEST_DURATION
from tg_fetcher_dagster.requests import log_lines
from tg_fetcher_dagster.requests.dead_letters import dead_letter

LETTER_SOURCES = frozenset({"redis", "spool", "cli"})
"""Whose failures leave a dead letter: a command can be pushed again, a schedule's round comes by itself."""

AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Why:
    """Why a request failed for good, for its dead letter."""

    error_type: str
    error: str
    retry_count: int


def finish(connection: Connection, *, now: float) -> list[Request]:
    """Ends the requests whose days have all ended; returns them."""
    answered = requests.answered(connection, AT_ONCE)
    by_state: dict[RequestState, list[str]] = {}
    for each in answered:
        by_state.setdefault(_end_of(each), []).append(each.request_id)
    mine: set[str] = set()
    for state, ids in by_state.items():
        mine |= requests.end_answered(connection, ids, state, at=now)
    ended = [each for each in answered if each.request_id in mine]
    measure(
        connection,
        [Measure(REQUEST_DURATION, (each.source,), now - each.received_at) for each in ended],
    )
    for each in ended:
        log_lines.ended(connection, each, _end_of(each))
    put_letters(
        connection,
        [
            (each, Why(each.error_type or "internal", each.error or "failed", max(0, each.tries)))
            for each in ended
            if _end_of(each) == "failed"
        ],
        now=now,
    )
    return ended


def refuse(connection: Connection, refused: Iterable[tuple[Request, FetchError]], *, now: float) -> None:
    """Ends requests that no run can answer; their events belong into the same transaction."""
    ended = list(refused)
    measure(connection, [Measure(REFUSED, (each.source,)) for each, _ in ended])
    requests.change(
        connection,
        [
            {
                "request_id": each.request_id,
                "state": "refused",
                "ended_at": now,
                "error_type": error.error_type.value,
                "error": error.message,
                "wait_until": None,
            }
            for each, error in ended
        ],
    )
    put_letters(
        connection,
        [(each, Why(error.error_type.value, error.message, each.tries)) for each, error in ended],
        now=now,
    )


def put_letters(connection: Connection, failed: Iterable[tuple[Request, Why]], *, now: float) -> None:
    """Keeps the commands among requests that failed."""
    at = dt.datetime.fromtimestamp(now, dt.UTC)
    rows: list[dict[str, Any]] = [
        {
            "request_id": each.request_id,
            "command_id": each.command_id,
            "chat": each.chat or each.spelling,
            "error_type": why.error_type,
            "error": why.error,
            "retry_count": why.retry_count,
            "failed_at": now,
            "letter": dead_letter(each.raw, why, at=at),
        }
        for each, why in failed
        if each.raw is not None and each.source in LETTER_SOURCES
    ]
    dead_letters.put(connection, rows)


def _end_of(request: Request) -> RequestState:
    if not request.failed_days:
        return "done"
    return "cancelled" if request.error_type == "cancelled" else "failed"
