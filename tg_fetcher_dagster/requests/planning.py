"""Days that are asked for become asks: some are told at once that they are done, some join a run.

The pure part is `place`; `plan_days` reads for many requests at once and writes what comes of it.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tg_fetcher_dagster.events.models import Event
from tg_fetcher_dagster.events.recording import record_all
from tg_fetcher_dagster.ledger import asks, planning, requests
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.planning import Answered, ChatDay, InFlight
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The days of one request.

    Attributes:
        seq: the request's place in the order of asking.
        days: by chat key; the unfinished day may be among them.
        look: answer at once what is complete; False where the run itself tells that.
    """

    request_id: str
    seq: int
    days: Mapping[str, Sequence[dt.date]]
    priority: int
    correlation_id: str
    command_id: str | None = None
    force: bool = False
    limit: int | None = None
    strategy: Literal["batch", "per_day"] = "batch"
    look: bool = True


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


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the days that are asked for, by chat and day."""

    settled: Mapping[ChatDay, str | None]
    in_flight: Mapping[ChatDay, InFlight]
    answered: Mapping[ChatDay, Answered]


def place(wanted: Wanted, chat: str, day: dt.date, known: Known, *, rules: Rules, today: dt.date) -> Place:
    """Returns where a day of a request goes. `force` is never answered by what was read before it came."""
    if wanted.look and not wanted.force:
        if (chat, day) in known.settled:
            return Place("complete")
        before = known.answered.get((chat, day))
        if before and before.limit == wanted.limit and _as_over_as(before, day, rules=rules, today=today):
            return Place("duplicate", answered=before)
    flying = known.in_flight.get((chat, day))
    if flying and _may_join(wanted, flying):
        return Place("join", batch_id=flying.batch_id)
    return Place("start")


def plan_days(
    connection: Connection,
    wanted: Sequence[Wanted],
    *,
    rules: Rules,
    events: EventMaker,
    now: float,
    today: dt.date,
) -> int:
    """Writes the asks of requests, and ends at once those that need no run; returns how many events it told.

    Args:
        connection: of a transaction that writes; it knows the requests already.
        wanted: in the order of asking.
        rules: of duplicates.
        events: makes what is told.
        now: seconds since 1970.
        today: the unfinished day.
    """
    known = _known(connection, wanted, rules=rules, now=now)
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
                if where.what in {"complete", "duplicate"}:
                    told.append((_skipped(each, chat, day, where, known, events=events), each.request_id))
                    ended.append(row)
                else:
                    open_days[each.request_id] += 1
    for row, event_id in zip(ended, record_all(connection, told), strict=True):
        row["event_id"] = event_id
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
                "tries": 0,
            }
            for each in wanted
        ],
    )
    return len(told)


def plan_unseen(connection: Connection, wanted: Wanted, *, batch_id: str | None, now: float) -> None:
    """Writes the asks of a request without a look at what is complete: its run tells that.

    Args:
        connection: of a transaction that writes; it knows the request already.
        wanted: the days.
        batch_id: of the run that has begun to read them; None: one is started, or joined.
        now: seconds since 1970.
    """
    flying = {} if batch_id else planning.in_flight(connection, list(wanted.days))
    rows = []
    for chat, days in wanted.days.items():
        for day in days:
            before = flying.get((chat, day))
            joins = before if before and _may_join(wanted, before) else None
            where = Place("join", batch_id=batch_id or (joins.batch_id if joins else None))
            rows.append(_row(wanted, chat, day, where, now=now))
    asks.insert(connection, rows)


def _may_join(wanted: Wanted, flying: InFlight) -> bool:
    """True where what a run reads answers an ask that comes after it: never what began before a `force`."""
    same = flying.limit == wanted.limit
    return same and (not wanted.force or (flying.force and not flying.begun))


def _known(connection: Connection, wanted: Sequence[Wanted], *, rules: Rules, now: float) -> Known:
    chats = sorted({chat for each in wanted for chat in each.days})
    days = [day for each in wanted if each.look and not each.force for ds in each.days.values() for day in ds]
    flying = planning.in_flight(connection, chats) if chats else {}
    if not days:
        return Known({}, flying, {})
    asked = {(chat, day) for each in wanted for chat, ds in each.days.items() for day in ds}
    settled = planning.settled(connection, chats, min(days), max(days), now=now)
    return Known(
        {key: checksum for key, checksum in settled.items() if key in asked and rules.has_file(*key)},
        flying,
        planning.answered_since(connection, chats, now - rules.duplicate_seconds),
    )


def _as_over_as(before: Answered, day: dt.date, *, rules: Rules, today: dt.date) -> bool:
    """True where the day was over, or not over, then as it is now: midnight makes it another ask."""
    then = rules.today(dt.datetime.fromtimestamp(before.ended_at, dt.UTC))
    return (day < then) == (day < today)


def _row(each: Wanted, chat: str, day: dt.date, where: Place, *, now: float) -> dict[str, Any]:
    done = where.what in {"complete", "duplicate"}
    return {
        "request_id": each.request_id,
        "chat": chat,
        "date": day,
        "seq": each.seq,
        "priority": each.priority,
        "force": each.force,
        "message_limit": each.limit,
        "strategy": each.strategy,
        "state": "skipped" if done else "open",
        "batch_id": where.batch_id,
        "event_id": None,
        "ended_at": now if done else None,
    }


def _skipped(
    each: Wanted, chat: str, day: dt.date, where: Place, known: Known, *, events: EventMaker
) -> Event:
    first = where.answered.command_id if where.answered else None
    return events.skipped(
        chat,
        day,
        where.what,
        checksum=known.settled.get((chat, day)),
        final=(chat, day) in known.settled,
        command_ids=tuple(command_id for command_id in (first, each.command_id) if command_id),
        correlation_id=each.correlation_id,
    )
