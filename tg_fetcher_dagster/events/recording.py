"""How a day ended, recorded in the transaction in which it ended, to be published later.

A request tells how a chat and day ended once, whoever tries again; asking anew is a new request.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from tg_fetcher_dagster.events import log_lines
from tg_fetcher_dagster.events.models import TERMINAL, Event, event_id
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Connection, after_commit

_LOGGED: Final = {"event", "event_id", "correlation_id", "command_ids", "chat", "date"}


def record(
    connection: Connection, event: Event, *, request_id: str, correlation_ids: Sequence[str] = ()
) -> bool:
    """Records how a day ended, in the caller's transaction.

    Args:
        connection: of a ledger's transaction that writes.
        event: a terminal one; its `event_id` is filled in here.
        request_id: the batch that ended the day, or the request that was refused.
        correlation_ids: of all who are answered; an event itself names the first one's.

    Returns:
        False where the request has told already how that chat and day ended: nothing is recorded.

    Raises:
        ValueError: it is no end of a day; progress is told in passing (`events.passing`).
    """
    told = _as_told(event, request_id)
    if not outbox.put(connection, **_row(told, request_id)):
        return False
    fields = told.model_dump(include=_LOGGED)
    after_commit(connection, lambda: log_lines.recorded([fields], correlation_ids=correlation_ids))
    return True


def record_all(connection: Connection, told: Iterable[tuple[Event, str]]) -> list[str]:
    """Records many ends of days at once, each with its request's id; returns their event ids, in order.

    Raises:
        ValueError: one of them is no end of a day.
    """
    events = [(_as_told(event, request_id), request_id) for event, request_id in told]
    outbox.put_all(connection, [_row(event, request_id) for event, request_id in events])
    fields = [event.model_dump(include=_LOGGED) for event, _ in events]
    after_commit(connection, lambda: log_lines.recorded(fields))
    return [str(event.event_id) for event, _ in events]


def _as_told(event: Event, request_id: str) -> Event:
    if event.event not in TERMINAL:
        raise ValueError(f"{event.event} is no end of a day")
    return event.model_copy(update={"event_id": event_id(event, request_id=request_id)})


def _row(told: Event, request_id: str) -> dict[str, Any]:
    return {
        "event_id": told.event_id,
        "request_id": request_id,
        "event": told.event,
        "chat": told.chat,
        "date": told.date,
        "body": told.model_dump_json(),
    }


def parsed(body: str) -> dict[str, Any] | None:
    """Returns a recorded event's keys and values; None where its body is damaged."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict) or not {"event", "event_id", "chat", "date"} <= event.keys():
        return None
    return event if event["event"] in TERMINAL else None
