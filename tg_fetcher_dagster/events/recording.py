"""How a day ended, recorded in the transaction in which it ended, to be published later.

A request tells how a chat and day ended once, whoever tries again; asking anew is a new request.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.events.models import TERMINAL, Event, event_id
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Connection


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """What one chat and day of a request ended in.

    Attributes:
        event: `messages_fetched`, `fetch_skipped` or `fetch_failed`.
        error_type: the sort of the failure; None where it did not fail.
        error: the failure in one line.
        retryable: whether the same request may succeed later.
    """

    event: str
    error_type: ErrorType | None = None
    error: str | None = None
    retryable: bool = False


def record(connection: Connection, event: Event, *, request_id: str) -> bool:
    """Records how a day ended, in the caller's transaction.

    Args:
        connection: of a ledger's transaction that writes.
        event: a terminal one; its `event_id` is filled in here.
        request_id: the batch that ended the day, or the request that was refused.

    Returns:
        False where the request has told already how that chat and day ended: nothing is recorded.

    Raises:
        ValueError: it is no end of a day; progress is told in passing (`events.passing`).
    """
    if event.event not in TERMINAL:
        raise ValueError(f"{event.event} is no end of a day")
    told = event.model_copy(update={"event_id": event_id(event, request_id=request_id)})
    return outbox.put(
        connection,
        event_id=told.event_id,
        request_id=request_id,
        event=told.event,
        chat=told.chat,
        date=told.date,
        body=told.model_dump_json(),
    )


def record_all(connection: Connection, told: Iterable[tuple[Event, str]]) -> list[str]:
    """Records many ends of days at once, each with its request's id; returns their event ids, in order.

    Raises:
        ValueError: one of them is no end of a day.
    """
    rows = []
    for event, request_id in told:
        if event.event not in TERMINAL:
            raise ValueError(f"{event.event} is no end of a day")
        named = event.model_copy(update={"event_id": event_id(event, request_id=request_id)})
        rows.append(
            {
                "event_id": named.event_id,
                "request_id": request_id,
                "event": named.event,
                "chat": named.chat,
                "date": named.date,
                "body": named.model_dump_json(),
            }
        )
    outbox.put_all(connection, rows)
    return [str(row["event_id"]) for row in rows]


def outcomes_of(
    connection: Connection, request_id: str
) -> dict[tuple[str | None, date | None], OutcomeRecord]:
    """Returns what each chat and day of a request ended in, as far as they did."""
    ended = {}
    for body in outbox.bodies_of(connection, request_id):
        event = parsed(body)
        if event is not None:
            day = date.fromisoformat(event["date"]) if event["date"] else None
            ended[event["chat"], day] = _outcome(event)
    return ended


def parsed(body: str) -> dict[str, Any] | None:
    """Returns a recorded event's keys and values; None where its body is damaged."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict) or not {"event", "event_id", "chat", "date"} <= event.keys():
        return None
    return event if event["event"] in TERMINAL else None


def _outcome(event: dict[str, Any]) -> OutcomeRecord:
    if event["event"] != "fetch_failed":
        return OutcomeRecord(event["event"])
    return OutcomeRecord(
        event["event"], ErrorType(event["error_type"]), event["error"], bool(event["retryable"])
    )
