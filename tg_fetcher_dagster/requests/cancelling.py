"""What was asked and is not wanted any more: its open days end as cancelled, its runs with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events.recording import record_all
from tg_fetcher_dagster.ledger import asks, batches, requests
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.requests import Request
from tg_fetcher_dagster.requests.batch_end import end_days
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.reading import ids_of
from tg_fetcher_dagster.requests.request_end import finish
from tg_fetcher_dagster.requests.retrying import Fate

AT_ONCE = 5_000
"""Days of one transaction, so that others can write in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What was cancelled.

    Attributes:
        days: open days that ended.
        commands: requests that had no days yet.
        run_ids: of runs under way that read nothing else; the next tick names them, too.
    """

    days: int = 0
    commands: int = 0
    run_ids: tuple[str, ...] = ()


def cancel(
    ledger: Ledger,
    *,
    events: EventMaker,
    now: float,
    command_id: str | None = None,
    chat: str | None = None,
) -> Cancelled:
    """Ends what is open of a command, of a chat, or of everybody (neither is given).

    Args:
        ledger: where.
        events: makes the `fetch_failed` of each day (`error_type` cancelled).
        now: seconds since 1970.
        command_id: a command's id, or a request's.
        chat: a chat's key.
    """
    why = FetchError(ErrorType.CANCELLED, "cancelled by an operator")
    days = commands = 0
    while True:
        with ledger.write() as connection:
            requests.lock_planning(connection)
            without_days = _without_days(connection, command_id=command_id, chat=chat)
            _end_commands(connection, without_days, why, events=events, now=now)
            open_days = asks.open_of(connection, command_id=command_id, chat=chat, limit=AT_ONCE)
            end = Fate("cancelled", error=why)
            end_days(connection, [(ask, end) for ask in open_days], events=events, told_for=None, now=now)
            finish(connection, now=now)
        days += len(open_days)
        commands += len(without_days)
        if not without_days and len(open_days) < AT_ONCE:
            break
    return Cancelled(days=days, commands=commands, run_ids=_runs_without_days(ledger))


def _without_days(connection: Connection, *, command_id: str | None, chat: str | None) -> list[Request]:
    """Requests that are not planned yet; by what can be read of them where they were not read yet."""
    waiting = [
        each
        for state in requests.BEFORE_PLANNING
        for each in requests.of_state(connection, state, limit=AT_ONCE)
    ]
    return [each for each in waiting if _is_meant(each, command_id=command_id, chat=chat)]


def _is_meant(request: Request, *, command_id: str | None, chat: str | None) -> bool:
    ids = ids_of(request)
    if command_id is not None and command_id not in {request.request_id, ids.command_id}:
        return False
    return chat is None or chat in {request.spelling, ids.chat}


def _end_commands(
    connection: Connection, cancelled: Sequence[Request], why: FetchError, *, events: EventMaker, now: float
) -> None:
    told = []
    for each in cancelled:
        ids = ids_of(each)
        event = events.failed(
            ids.chat, None, why, command_ids=(ids.command_id,), correlation_id=ids.correlation_id
        )
        told.append((event, each.request_id))
    record_all(connection, told)
    requests.set_state(
        connection,
        [each.request_id for each in cancelled],
        "cancelled",
        ended_at=now,
        wait_until=None,
        error_type=why.error_type.value,
        error=why.message,
    )


def _runs_without_days(ledger: Ledger) -> tuple[str, ...]:
    with ledger.read() as connection:
        left = batches.open_days(connection)
        return tuple(
            each.run_id
            for each in batches.in_flight(connection)
            if each.run_id is not None and left.get(each.batch_id, (1, 0))[0] == 0 and left[each.batch_id][1]
        )
