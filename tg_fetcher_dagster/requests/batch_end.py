"""The end of batches: what becomes of the days that their runs have left (docs/ledger.md)."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import asks, attempts, batches, day_rounds, open_asks, requests
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.ledger.open_asks import OpenAsk
from tg_fetcher_dagster.requests.batch_measures import measures_of_end
from tg_fetcher_dagster.requests.day_ends import end_days
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
class Ending:
    """A batch whose run has ended.

    Attributes:
        how: how its run ended; a run that died before it registered never began.
        error: why the whole run failed, for days of which it noted nothing.
        open_days: how many of its asks are open.
    """

    batch_id: str
    how: How
    error: FetchError | None = None
    open_days: int = 0


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
    """Settles one batch, as `settle_together` does; the second call finds it ended."""
    ending = Ending(batch_id=batch_id, how=how, error=error)
    return settle_together(ledger, [ending], rules=rules, events=events, now=now).get(batch_id, Settled())


def settle_together(
    ledger: Ledger,
    endings: Sequence[Ending],
    *,
    rules: Rules,
    events: EventMaker,
    now: float | None = None,
) -> dict[str, Settled]:
    """Brings every ask of batches that is still open on its way, and ends the batches; in one transaction.

    Idempotent: batches that have ended already are left as they are, and are not in the answer.
    """
    moment = time.time() if now is None else now
    ended = {each.batch_id: each for each in endings}
    with ledger.write() as connection:
        before = batches.end(connection, ended, moment)
        left: dict[str, list[OpenAsk]] = {batch_id: [] for batch_id in before}
        for ask in open_asks.open_of_batches(connection, before):
            left[ask.batch_id or ""].append(ask)
        fates: list[tuple[OpenAsk, Fate]] = []
        counted: dict[str, Settled] = {}
        heard: FetchError | Literal["back"] | None = None
        died: list[str] = []
        happened: list[Measure] = []
        for batch_id, (state, run_id) in before.items():
            each = ended[batch_id]
            how: How = "never_began" if each.how == "died" and state == "asked" else each.how
            if how == "died" and run_id is not None:
                died.append(run_id)
            heard = _heard_of_telegram(left[batch_id], how, each.error) or heard
            its_fates = [
                (ask, fate(ask, how=how, now=moment, max_attempts=rules.max_attempts, error=each.error))
                for ask in left[batch_id]
            ]
            counted[batch_id] = _counted([what for _, what in its_fates])
            happened += measures_of_end(state, its_fates)
            fates += its_fates
        measure(connection, happened)
        requests.lock(connection, {ask.request_id for ask, _ in fates})
        attempts.end_died(connection, died)  # where nobody else does: `fetch --direct`
        _note_telegram(connection, heard, now=moment)
        _put_off(connection, [(ask, each) for ask, each in fates if each.what in {"wait", "again"}])
        over = [(ask, each) for ask, each in fates if each.what in {"failed", "cancelled"}]
        end_days(connection, over, events=events, by_batch=True, now=moment)
        open_asks.let_go(connection, before)
        _count_rounds(connection, [(ask, each) for ask, each in over if each.what == "failed"])
        finish(connection, now=moment)
    return counted


def _counted(fates: Sequence[Fate]) -> Settled:
    number = Counter(each.what for each in fates)
    return Settled(
        waiting=number["wait"],
        again=number["again"],
        failed=number["failed"],
        cancelled=number["cancelled"],
        until=min((each.until for each in fates if each.what in {"wait", "again"}), default=None),
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


def _heard_of_telegram(
    left: Sequence[OpenAsk], how: How, error: FetchError | None
) -> FetchError | Literal["back"] | None:
    """Whether a run reached Telegram, which all other runs go by; None where it says nothing of that."""
    noted = {ask.error_type: ask.error for ask in left}
    if error is not None and not noted.keys() - {None}:
        noted[error.error_type.value] = error.message
    why = noted.get(ErrorType.TELEGRAM_AWAY.value)
    if why is not None:
        return FetchError(ErrorType.TELEGRAM_AWAY, why)
    return "back" if how == "ended" and not noted.keys() & _SAY_NOTHING_OF_TELEGRAM else None


def _note_telegram(connection: Connection, heard: FetchError | Literal["back"] | None, *, now: float) -> None:
    if heard == "back":
        note_back(connection)
    elif heard is not None:
        note_away(connection, heard, now=now)


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
