"""Days that are asked for become asks: some are told at once that they are done, some join a run.

The pure part is `place`; `plan_days` reads for many requests at once and writes what comes of it.
"""

import datetime as dt
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, Literal

from tg_fetcher_dagster.events.models import Event, event_id
from tg_fetcher_dagster.events.recording import record_all
from tg_fetcher_dagster.ledger import asks, planning, requests
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.planning import Answered, ChatDay, InFlight
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.wanted_days import Known, Wanted, known_of

_STATES: Final = {"start": "open", "join": "open", "complete": "skipped", "duplicate": "duplicate"}
"""Of an ask, by the place where its day goes."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a day of a request goes.

    Attributes:
        what: `start`: a run is needed; `join`: one that was asked for reads it; `complete`: it is done;
            `duplicate`: the same ask was answered a moment ago.
        batch_id: for `join`.
        answered: for `duplicate`.
    """

    what: Literal["start", "join", "complete", "duplicate"]
    batch_id: str | None = None
    answered: Answered | None = None


def place(wanted: Wanted, chat: str, day: dt.date, known: Known, *, rules: Rules, today: dt.date) -> Place:
    """Returns where a day of a request goes. `force` is never answered by what was read before it came."""
    if wanted.look and not wanted.force:
        before = known.answered.get((chat, day, wanted.limit))
        if before and _as_over_as(before, day, rules=rules, today=today):
            return Place("duplicate", answered=before)
        if (chat, day) in known.settled:
            return Place("complete")
    flying = known.in_flight.get((chat, day))
    if flying and _may_join(wanted, flying):
        return Place("join", batch_id=flying.batch_id)
    return Place("start")


def plan_days(
    connection: Connection,
    wanted: Sequence[Wanted],
    *,
    without_file: AbstractSet[ChatDay] = frozenset(),
    rules: Rules,
    events: EventMaker,
    now: float,
    today: dt.date,
) -> int:
    """Writes the asks of requests, and ends at once those that need no run; returns how many events it told.

    Args:
        connection: of a transaction that writes; it knows the requests already.
        wanted: in the order of asking.
        without_file: days that are done and have lost their files (`days_without_file`).
        rules: of duplicates.
        events: makes what is told.
        now: seconds since 1970.
        today: the unfinished day.
    """
    known = known_of(connection, wanted, without_file=without_file, rules=rules, now=now)
    rows: list[dict[str, Any]] = []
    told: list[tuple[Event, str]] = []
    ended: list[dict[str, Any]] = []
    open_days: dict[str, int] = {}
    for each in wanted:
        open_days[each.request_id] = 0
        for chat, days in each.days.items():
            for day in days:
                where = place(each, chat, day, known, rules=rules, today=today)
                row = _row(each, chat, day, where, now=now)
                rows.append(row)
                if where.what not in {"complete", "duplicate"}:
                    open_days[each.request_id] += 1
                    continue
                event = _skipped(each, chat, day, where, known, events=events)
                told.append((event, each.request_id))
                ended.append(row)
                if where.what == "complete" and rules.duplicate_seconds:
                    known.answered[chat, day, each.limit] = _answered_now(each, event, now=now)
    for row, told_by in zip(ended, record_all(connection, told), strict=True):
        row["event_id"] = told_by
    asks.insert(connection, rows)
    requests.change(
        connection,
        [
            {
                "request_id": each.request_id,
                "state": "planned",
                "priority": each.priority,
                "strategy": each.strategy,
                "force": each.force,
                "message_limit": each.limit,
                "open_days": open_days[each.request_id],
                "wait_until": None,
                "planned_at": now,
                "tries": 0,
            }
            for each in wanted
        ],
    )
    return len(told)


def plan_unseen(
    connection: Connection, wanted: Sequence[Wanted], *, batch_id: str | None, now: float
) -> None:
    """Writes the asks of requests without a look at what is complete: their run tells that.

    Args:
        connection: of a transaction that writes; it knows the requests already.
        wanted: their days.
        batch_id: of the run that has begun to read them; None: one is started, or joined.
        now: seconds since 1970.
    """
    chats = sorted({chat for each in wanted for chat in each.days})
    flying = planning.in_flight(connection, chats) if chats and not batch_id else {}
    rows = []
    for each in wanted:
        for chat, days in each.days.items():
            for day in days:
                before = flying.get((chat, day))
                joins = before if before and _may_join(each, before) else None
                where = Place("join", batch_id=batch_id or (joins.batch_id if joins else None))
                rows.append(_row(each, chat, day, where, now=now))
    asks.insert(connection, rows)


def _may_join(wanted: Wanted, flying: InFlight) -> bool:
    """True where what a run reads answers an ask that comes after it: never what began before a `force`."""
    same = flying.limit == wanted.limit
    return same and (not wanted.force or (flying.force and not flying.begun))


def _answered_now(each: Wanted, event: Event, *, now: float) -> Answered:
    return Answered(
        command_ids=event.command_ids,
        event_id=event_id(event, request_id=each.request_id),
        checksum=None,
        ended_at=now,
    )


def _as_over_as(before: Answered, day: dt.date, *, rules: Rules, today: dt.date) -> bool:
    """True where the day was over, or not over, then as it is now: midnight makes it another ask."""
    then = rules.today(dt.datetime.fromtimestamp(before.ended_at, dt.UTC))
    return (day < then) == (day < today)


def _row(each: Wanted, chat: str, day: dt.date, where: Place, *, now: float) -> dict[str, Any]:
    return {
        "request_id": each.request_id,
        "chat": chat,
        "date": day,
        "seq": each.seq,
        "priority": each.priority,
        "force": each.force,
        "message_limit": each.limit,
        "strategy": each.strategy,
        "state": _STATES[where.what],
        "batch_id": where.batch_id,
        "event_id": None,
        "ended_at": None if _STATES[where.what] == "open" else now,
    }


def _skipped(
    each: Wanted, chat: str, day: dt.date, where: Place, known: Known, *, events: EventMaker
) -> Event:
    before = where.answered
    named = (*(before.command_ids if before else ()), *([each.command_id] if each.command_id else ()))
    return events.skipped(
        chat,
        day,
        where.what,
        checksum=known.settled.get((chat, day), before.checksum if before else None),
        final=(chat, day) in known.settled,
        # Whom this event answers comes last, also where he sends his own command again.
        command_ids=tuple(reversed(dict.fromkeys(reversed(named)))),
        correlation_id=each.correlation_id,
        duplicate_of=before.event_id if before else None,
    )
