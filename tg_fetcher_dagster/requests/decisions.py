"""What was decided on commands, written down: refusals, waits, days to plan. In the caller's transaction."""

import datetime as dt
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.recording import record_all
from tg_fetcher_dagster.ledger import requests
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.ledger.measures import measure
from tg_fetcher_dagster.ledger.planning import ChatDay
from tg_fetcher_dagster.ledger.requests import Request
from tg_fetcher_dagster.requests import log_lines
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.hops import hops_to_the_plan
from tg_fetcher_dagster.requests.planning import plan_days
from tg_fetcher_dagster.requests.request_end import refuse
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.understanding import MAX_PER_DAY, Ids, Meant, Refusal, Understood
from tg_fetcher_dagster.requests.wanted_days import Wanted


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command over its requester's limit; `until` is seconds since 1970."""

    request: Request
    ids: Ids
    until: float


Decision = Refusal | Waiting | Understood | Meant
"""What becomes of a command; `Understood` alone: its chat is to be resolved first."""


def write_decisions(
    connection: Connection,
    decisions: Sequence[Decision],
    *,
    without_file: AbstractSet[ChatDay],
    rules: Rules,
    events: EventMaker,
    now: float,
    today: dt.date,
) -> int:
    """Writes decisions down, whatever each is; returns how many events it recorded.

    Args:
        connection: of a transaction that writes, and in which nobody else has decided on these requests.
        decisions: in the order of asking.
        without_file: days that are done and have lost their files.
        rules: of planning.
        events: makes what is told.
        now: seconds since 1970.
        today: the unfinished day.
    """
    refused = [each for each in decisions if isinstance(each, Refusal)]
    meant = [each for each in decisions if isinstance(each, Meant)]
    waiting = [each for each in decisions if isinstance(each, Waiting)]
    unknown = [each for each in decisions if isinstance(each, Understood)]
    requests.change(connection, [_who(each) for each in decisions])
    told = record_refusals(connection, refused, events=events)
    refuse(connection, [(each.request, each.error) for each in with_ids(refused)], now=now)
    told += _record_refused_days(connection, meant, events=events)
    measure(connection, hops_to_the_plan(meant, now=now))
    told += plan_days(
        connection,
        wanted_by(meant, rules),
        without_file=without_file,
        rules=rules,
        events=events,
        now=now,
        today=today,
    )
    requests.change(
        connection,
        [
            {"request_id": each.request.request_id, "state": "waiting", "wait_until": each.until}
            for each in waiting
        ],
    )
    requests.set_state(connection, [each.request.request_id for each in unknown], "unresolved")
    _tell_log(connection, decisions)
    return told


def _tell_log(connection: Connection, decisions: Sequence[Decision]) -> None:
    for each in decisions:
        if isinstance(each, Meant):
            log_lines.taken(connection, each.understood.request, each.understood)
            log_lines.planned(connection, each)
        elif isinstance(each, Understood):
            log_lines.taken(connection, each.request, each)
            why = "its chat is looked up first"
            log_lines.waits(connection, each.ids, each.request, why, until=None)
        elif isinstance(each, Waiting) and each.request.state == "new":
            why = "its requester sends more than COMMANDS_PER_MINUTE"
            log_lines.waits(connection, each.ids, each.request, why, until=each.until)


def request_of(decision: Decision) -> Request:
    """Returns the request that a decision is about."""
    return decision.understood.request if isinstance(decision, Meant) else decision.request


def record_refusals(connection: Connection, refused: Sequence[Refusal], *, events: EventMaker) -> int:
    """Records what is told of refused requests: one a day that was named, else one; returns how many."""
    told = []
    for each in refused:
        log_lines.refused(connection, each)
        days: tuple[tuple[dt.date | None, FetchError], ...] = each.days or ((None, each.error),)
        told += [
            (
                events.failed(
                    each.chat,
                    day,
                    error,
                    command_ids=(each.ids.command_id,),
                    correlation_id=each.ids.correlation_id,
                ),
                each.request.request_id,
            )
            for day, error in days
        ]
    return len(record_all(connection, told))


def _who(decision: Decision) -> dict[str, Any]:
    """What a command says of itself, as it is kept of every request."""
    ids = decision.understood.ids if isinstance(decision, Meant) else decision.ids
    values: dict[str, Any] = {
        "request_id": request_of(decision).request_id,
        "command_id": ids.command_id,
        "correlation_id": ids.correlation_id,
        "requested_by": ids.requested_by,
        "chat": None,
        "spelling": ids.chat,
        "requested_at": None,
    }
    command = None
    if isinstance(decision, Meant):
        values["chat"] = decision.chat
        command = decision.understood.command
    elif isinstance(decision, Understood):
        command = decision.command
    if command is not None:
        values["spelling"] = command.spelling.canonical
        values["requested_at"] = command.timestamp.timestamp() if command.timestamp else None
    return values


def _record_refused_days(connection: Connection, meant: Sequence[Meant], *, events: EventMaker) -> int:
    """Tells of the days that cannot be fetched, of commands whose other days can."""
    told = [
        (
            events.failed(
                each.chat,
                day,
                error,
                command_ids=(each.understood.ids.command_id,),
                correlation_id=each.understood.ids.correlation_id,
            ),
            each.understood.request.request_id,
        )
        for each in meant
        for day, error in each.refused
    ]
    return len(record_all(connection, told))


def with_ids(refused: Sequence[Refusal]) -> list[Refusal]:
    """The refusals with what was read of who asked, so that their letters are found by it."""
    return [
        replace(
            each,
            request=replace(each.request, command_id=each.ids.command_id, spelling=each.chat),
        )
        for each in refused
    ]


def wanted_by(decisions: Sequence[Decision], rules: Rules) -> list[Wanted]:
    """Returns the days that commands want, of those that make sense and whose chat is known."""
    return [_wanted(each, force=rules.force) for each in decisions if isinstance(each, Meant)]


def _wanted(each: Meant, *, force: bool) -> Wanted:
    command = each.understood.command
    return Wanted(
        request_id=each.understood.request.request_id,
        seq=each.understood.request.seq,
        days={each.chat: each.days},
        priority=each.priority,
        correlation_id=command.correlation_id,
        command_id=command.command_id,
        force=command.force or force,
        limit=command.limit,
        strategy=command.strategy if len(each.days) <= MAX_PER_DAY else "batch",
    )
