"""The end of a batch: what becomes of the days that its run has left (docs/ledger.md)."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events.recording import record_all
from tg_fetcher_dagster.ledger import asks, attempts, batches, day_rounds, open_asks
from tg_fetcher_dagster.ledger.asks import EndedAsk
from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.ledger.open_asks import OpenAsk
from tg_fetcher_dagster.metrics.counted import ERRORS, FETCHES, RETRIES
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.request_end import finish
from tg_fetcher_dagster.requests.retrying import Fate, How, fate, until_of
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.waiting import note_away, note_back

ROUND_SOURCES = frozenset({"schedule", "heal"})
"""Whose failures count as rounds: after three of them a day is given up until somebody reopens it."""


_SAY_NOTHING_OF_TELEGRAM = frozenset(
    {ErrorType.ACCOUNT_BUSY.value, ErrorType.AUTH.value, ErrorType.STORAGE.value, ErrorType.NETWORK.value}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a batch's open asks, counted; all 0 where the batch had ended already.

    Attributes:
        until: when the first of those that wait or are tried again may begin (seconds since 1970).
    """

    waiting: int = 0
    again: int = 0
    failed: int = 0
    cancelled: int = 0
    until: float | None = None


def settle_batch(
    ledger: Ledger,
    batch_id: str,
    *,
    rules: Rules,
    how: How,
    events: EventMaker,
    now: float | None = None,
    error: FetchError | None = None,
) -> Settled:
    """Brings every ask of a batch that is still open on its way, and ends the batch; in one transaction.

    Idempotent: the second call finds the batch ended.

    Args:
        ledger: where.
        batch_id: whose.
        rules: how often a day is tried.
        how: how its run ended; a run that died before it registered never began.
        events: makes what is told of days that are given up.
        now: seconds since 1970; the present where absent.
        error: why the whole run failed, for days of which it noted nothing.
    """
    moment = time.time() if now is None else now
    with ledger.write() as connection:
        batch = batches.find(connection, batch_id)
        if batch is None or not batches.end(connection, [batch_id], moment):
            return Settled()
        if how == "died" and batch.state == "asked":
            how = "never_began"
        if how == "died" and batch.run_id is not None:
            attempts.end(connection, batch.run_id, how="died")  # where nobody else does: `fetch --direct`
        left = open_asks.open_of_batch(connection, batch_id)
        _note_telegram(connection, left, how=how, error=error, now=moment)
        fates = [
            (
                ask,
                fate(
                    ask,
                    how=how,
                    now=moment,
                    max_attempts=rules.max_attempts,
                    error=error,
                ),
            )
            for ask in left
        ]
        measure(connection, _measures(batch, fates))
        _put_off(connection, [(ask, each) for ask, each in fates if each.what in {"wait", "again"}])
        over = [(ask, each) for ask, each in fates if each.what in {"failed", "cancelled"}]
        end_days(connection, over, events=events, told_for=batch_id, now=moment)
        open_asks.let_go(connection, batch_id)
        if how != "cancelled":
            _count_rounds(connection, over)
        finish(connection, now=moment)
    counted = Counter(each.what for _, each in fates)
    return Settled(
        waiting=counted["wait"],
        again=counted["again"],
        failed=counted["failed"],
        cancelled=counted["cancelled"],
        until=min((each.until for _, each in fates if each.what in {"wait", "again"}), default=None),
    )


def note_failure(connection: Connection, batch_id: str, chat: str, day: dt.date, error: FetchError) -> None:
    """Notes why a run did not get a day; its asks stay open until the batch ends."""
    until = until_of(error, time.time()) if error.retry_after or error.retry_at else 0.0
    asks.note_failure(
        connection,
        batch_id,
        chat,
        day,
        error_type=error.error_type.value,
        error=error.message,
        wait_until=until,
    )


def end_days(
    connection: Connection,
    over: Sequence[tuple[OpenAsk, Fate]],
    *,
    events: EventMaker,
    told_for: str | None,
    now: float,
) -> int:
    """Ends asks as failed or cancelled and records what is told of them; returns how many events.

    Args:
        connection: of the transaction.
        over: the asks, in the order of asking, each with its end.
        events: makes the events.
        told_for: the batch whose day it was: one event a day names all who asked; None: each request's own.
        now: seconds since 1970.
    """
    together: dict[tuple[str, str, dt.date, str], list[tuple[OpenAsk, Fate]]] = {}
    for ask, end in over:
        key = (told_for or ask.request_id, ask.chat, ask.date, end.what)
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


def _measures(batch: Batch, fates: Sequence[tuple[OpenAsk, Fate]]) -> list[Measure]:
    """What is counted of the days that a run has left; what it has noted itself it has counted, too."""
    again = {(ask.chat, ask.date) for ask, each in fates if each.what == "again"}
    cancelled = {(ask.chat, ask.date) for ask, each in fates if each.what == "cancelled"}
    found = [Measure(RETRIES, ("day",), len(again))]
    if batch.state == "running":
        found.append(Measure(FETCHES, ("cancelled",), len(cancelled)))
    without_a_word = {
        (ask.chat, ask.date): each
        for ask, each in fates
        if ask.error_type is None and each.what != "cancelled"
    }
    for each in without_a_word.values():
        if each.error is not None:
            found.append(Measure(FETCHES, ("waits" if each.what == "wait" else "failed",)))
            found.append(Measure(ERRORS, (each.error.error_type.value,)))
    return found


def _note_telegram(
    connection: Connection, left: Sequence[OpenAsk], *, how: How, error: FetchError | None, now: float
) -> None:
    """Notes whether the run reached Telegram, which all other runs go by."""
    noted = {ask.error_type: ask.error for ask in left}
    if error is not None and not noted.keys() - {None}:
        noted[error.error_type.value] = error.message
    why = noted.get(ErrorType.TELEGRAM_AWAY.value)
    if why is not None:
        note_away(connection, FetchError(ErrorType.TELEGRAM_AWAY, why), now=now)
    elif how == "ended" and not noted.keys() & _SAY_NOTHING_OF_TELEGRAM:
        note_back(connection)


def _put_off(connection: Connection, left: Sequence[tuple[OpenAsk, Fate]]) -> None:
    open_asks.put_off(
        connection,
        [
            {
                "request_id": ask.request_id,
                "chat": ask.chat,
                "date": ask.date,
                "wait_until": each.until,
                "tries": ask.tries + (each.what == "again"),
                "waits": ask.waits + (each.what == "wait"),
                # For whoever asks why the day waits; the next run begins without it (`startable.assign`).
                "error_type": each.error.error_type.value if each.error else None,
                "error": each.error.message if each.error else None,
            }
            for ask, each in left
        ],
    )
    until: dict[str, float] = {}
    for ask, each in left:
        until[ask.request_id] = min(each.until, until.get(ask.request_id, each.until))
    open_asks.requests_wait(connection, until)


def _count_rounds(connection: Connection, over: Sequence[tuple[OpenAsk, Fate]]) -> None:
    """Counts what failed in a daily round on the days."""
    day_rounds.count_failed(
        connection,
        {
            (ask.chat, ask.date): (each.error.error_type.value, each.error.message)
            for ask, each in over
            if ask.source in ROUND_SOURCES and each.error
        },
    )
