"""Days that end without having been read: failed or cancelled, with what is told of them."""

import datetime as dt
from collections.abc import Iterable, Sequence

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events.recording import record_all
from tg_fetcher_dagster.ledger import asks
from tg_fetcher_dagster.ledger.asks import EndedAsk
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.open_asks import OpenAsk
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.retrying import Fate


def end_days(
    connection: Connection,
    over: Sequence[tuple[OpenAsk, Fate]],
    *,
    events: EventMaker,
    by_batch: bool,
    now: float,
) -> int:
    """Ends asks as failed or cancelled and records what is told of them; returns how many events.

    Args:
        connection: of the transaction.
        over: the asks, in the order of asking, each with its end.
        events: makes the events.
        by_batch: one event a day names all who waited in the same batch; else each request is told its own.
        now: seconds since 1970.
    """
    together: dict[tuple[str, str, dt.date, str], list[tuple[OpenAsk, Fate]]] = {}
    for ask, end in over:
        told_for = (ask.batch_id if by_batch else None) or ask.request_id
        key = (told_for, ask.chat, ask.date, end.what)
        together.setdefault(key, []).append((ask, end))
    told = [
        (
            events.failed(
                chat,
                day,
                group[0][1].error or FetchError(ErrorType.INTERNAL, "failed without a reason"),
                command_ids=command_ids(ask for ask, _ in group),
                correlation_id=group[0][0].correlation_id,
            ),
            request_id,
        )
        for (request_id, chat, day, _), group in together.items()
    ]
    event_ids = record_all(connection, told)
    ended = [
        EndedAsk(
            request_id=ask.request_id,
            chat=ask.chat,
            date=ask.date,
            end="cancelled" if end.what == "cancelled" else "failed",
            event_id=event_id,
            error_type=end.error.error_type.value if end.error else None,
            error=end.error.message if end.error else None,
        )
        for event_id, group in zip(event_ids, together.values(), strict=True)
        for ask, end in group
    ]
    asks.end_many(connection, ended, at=now)
    return len(event_ids)


def command_ids(waiting: Iterable[OpenAsk]) -> tuple[str, ...]:
    """Returns the commands among those who wait, the first one first."""
    return tuple(dict.fromkeys(ask.command_id for ask in waiting if ask.command_id))
