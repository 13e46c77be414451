"""New commands, a handful at a time: read, and refused, put off, handed on to be resolved, or planned.

A handful is one transaction. Where one command breaks it, each of them gets a transaction of its own, and the
one that breaks its own is refused: a tick survives any single command.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.known import KnownChats
from tg_fetcher_dagster.chats.spelling import ChatSpelling, parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events.recording import record_all
from tg_fetcher_dagster.ledger import planning, requests
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.requests import Request
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.planning import Wanted, plan_days
from tg_fetcher_dagster.requests.reading import (
    MAX_PER_DAY,
    ChatFacts,
    Ids,
    Meant,
    Refusal,
    Understood,
    ids_of,
    meaning,
    not_allowed,
    understand,
)
from tg_fetcher_dagster.requests.request_end import finish, refuse
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.turns import Turns

log = structlog.get_logger(__name__)

HANDFUL: Final = 200
"""Commands of one transaction: 200 of a year each are 73,000 rows, some seconds of writing."""

MAX_DAYS: Final = 20_000
"""Days of one transaction; a longer handful is cut, and goes on in the next one."""


@dataclass(slots=True)
class Read:
    """What a handful came to.

    Attributes:
        commands: how many were decided on.
        told: events that were recorded.
        notes: what their requesters should know, one line each.
    """

    commands: int = 0
    told: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command over its requester's limit."""

    request: Request
    ids: Ids
    until: float


Decision = Refusal | Waiting | Understood | Meant
"""What becomes of a command; `Understood` alone: its chat is to be resolved first."""


class NewCommands:
    """Decides on commands; one object serves one tick, and asks for each chat once."""

    def __init__(
        self,
        ledger: Ledger,
        chats: KnownChats,
        *,
        rules: Rules,
        events: EventMaker,
        turns: Turns,
        now: float,
        today: dt.date,
    ) -> None:
        self._ledger = ledger
        self._chats = chats
        self._rules = rules
        self._events = events
        self._turns = turns
        self._now = now
        self._today = today
        self._allowed = self._allowed_keys()
        self._moved = {moved.name: moved.line for moved in chats.moved()}
        self._out_of_turn: dict[str, float] | None = None

    def read_handful(self, limit: int = HANDFUL) -> Read:
        """Decides on the next commands; `commands` is 0 where none are left for now."""
        with self._ledger.read() as connection:
            due = requests.of_state(connection, "waiting", due=self._now, limit=limit)
            fresh = requests.of_state(connection, "new", limit=limit - len(due))
            if self._out_of_turn is None:
                self._out_of_turn = requests.out_of_turn(connection, self._now)
        if not due and not fresh:
            return Read()
        facts: dict[str, ChatFacts] = {}
        decisions: list[Decision] = []
        days = 0
        for request in (*due, *fresh):
            decision = self._decided(request, facts)
            days += len(decision.days) if isinstance(decision, Meant | Refusal) else 0
            decisions.append(decision)
            if days > MAX_DAYS:
                break
        return self._written_safely(decisions)

    def _decided(self, request: Request, facts: dict[str, ChatFacts]) -> Decision:
        understood = understand(request)
        if isinstance(understood, Refusal):
            return understood
        if (until := self._until(understood)) is not None:
            return Waiting(request, understood.ids, until)
        spelling = understood.command.spelling
        identity = self._identity(spelling)
        if self._allowed is not None and not_allowed(spelling, identity, self._allowed):
            why = f"chat {spelling.canonical} is not among TELEGRAM_CHATS (CHATS_ALLOWED=configured)"
            return Refusal(
                request=request,
                ids=understood.ids,
                chat=identity.key if identity else spelling.likely_key,
                error=FetchError(ErrorType.VALIDATION, why),
            )
        if identity is None:
            return understood
        known = self._facts(identity, facts) if understood.command.mode == "incremental" else ChatFacts()
        return meaning(understood, identity, known, rules=self._rules, today=self._today)

    def _until(self, understood: Understood) -> float | None:
        """Until when a command waits for its turn; whoever waits already is not overtaken."""
        if understood.request.run_id is not None:
            return None  # it had its turn before its chat was resolved
        who = understood.command.requested_by
        waiting = self._out_of_turn or {}
        until = waiting.get(who)
        if until is None or until <= self._now:
            until = self._turns.take(who, self._rules.commands_a_minute)
        if until is not None and self._out_of_turn is not None:
            self._out_of_turn[who] = until
        return until

    def _identity(self, spelling: ChatSpelling) -> ChatIdentity | None:
        return self._chats.find(spelling)

    def _allowed_keys(self) -> dict[str, str | None] | None:
        if self._rules.chats_allowed is None:
            return None
        keys: dict[str, str | None] = {}
        for canonical in self._rules.chats_allowed:
            identity = self._identity(parse_spelling(canonical))
            keys[canonical] = identity.key if identity else None
        return keys

    def _facts(self, identity: ChatIdentity, facts: dict[str, ChatFacts]) -> ChatFacts:
        if identity.key not in facts:
            with self._ledger.read() as connection:
                first = planning.first_days(connection, [identity.key]).get(identity.key)
                days = (
                    planning.settled(connection, [identity.key], first, self._today, now=self._now)
                    if first
                    else {}
                )
            there = frozenset(day for key, day in days if self._rules.has_file(key, day))
            facts[identity.key] = ChatFacts(first, there)
        return facts[identity.key]

    def _written_safely(self, decisions: Sequence[Decision]) -> Read:
        try:
            return self._written(decisions)
        except (FetchError, ValueError) as error:
            if isinstance(error, FetchError) and len(decisions) == 1 and self._is_away():
                raise
            log.warning("a handful of commands cannot be written together", why=str(error))
        total = Read()
        for each in decisions:
            try:
                one = self._written([each])
            except (FetchError, ValueError) as error:
                one = self._given_up(request_of(each), error)
            total.commands += one.commands
            total.told += one.told
            total.notes += one.notes
        return total

    def _is_away(self) -> bool:
        """True where the ledger refuses everything, not this one command."""
        try:
            with self._ledger.read() as connection:
                requests.counts(connection)
        except FetchError:
            return True
        return False

    def _given_up(self, request: Request, error: Exception) -> Read:
        if self._is_away():
            raise error
        log.error("a command cannot be written down", request=request.request_id, why=str(error))
        why = FetchError(ErrorType.INTERNAL, f"the command cannot be written down: {type(error).__name__}")
        ids = Ids(
            command_id=request.request_id,
            correlation_id=request.request_id,
            requested_by="unknown",
            chat=None,
        )
        return self._written([Refusal(request=request, ids=ids, chat=None, error=why)])

    def _written(self, decisions: Sequence[Decision]) -> Read:
        read = Read()
        with self._ledger.write() as connection:
            requests.lock_planning(connection)
            ids = [request_of(each).request_id for each in decisions]
            still = requests.still(connection, ids, ("new", "waiting"))
            mine = [each for each in decisions if request_of(each).request_id in still]
            requests.change(connection, [_who(each) for each in mine])
            read.told += self._refuse(connection, [each for each in mine if isinstance(each, Refusal)])
            read.told += self._plan(connection, [each for each in mine if isinstance(each, Meant)])
            self._put_off(connection, [each for each in mine if isinstance(each, Waiting)], read)
            unknown = [each for each in mine if isinstance(each, Understood)]
            requests.set_state(connection, [each.request.request_id for each in unknown], "unresolved")
            finish(connection, now=self._now)
        read.commands = len(decisions)
        for each in mine:
            if isinstance(each, Meant):
                moved = self._moved.get(each.understood.command.spelling.username or "")
                lines = (*each.notes, *((moved,) if moved else ()))
                read.notes += [f"command {each.understood.ids.command_id}: {line}" for line in lines]
            elif isinstance(each, Refusal):
                read.notes.append(f"command {each.ids.command_id} is refused: {each.error.message}")
        return read

    def _refuse(self, connection: Connection, refused: Sequence[Refusal]) -> int:
        told = record_refusals(connection, refused, events=self._events)
        refuse(connection, [(each.request, each.error) for each in with_ids(refused)], now=self._now)
        return told

    def _plan(self, connection: Connection, meant: Sequence[Meant]) -> int:
        told = record_all(
            connection,
            [
                (
                    self._events.failed(
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
            ],
        )
        wanted = [_wanted(each, force=self._rules.force) for each in meant]
        return len(told) + plan_days(
            connection, wanted, rules=self._rules, events=self._events, now=self._now, today=self._today
        )

    def _put_off(self, connection: Connection, waiting: Sequence[Waiting], read: Read) -> None:
        requests.change(
            connection,
            [
                {"request_id": each.request.request_id, "state": "waiting", "wait_until": each.until}
                for each in waiting
            ],
        )
        fresh = sorted({each.ids.requested_by for each in waiting if each.request.state == "new"})
        read.notes += [
            f"{who} sends more than {self._rules.commands_a_minute} commands a minute: the others wait"
            " (COMMANDS_PER_MINUTE)"
            for who in fresh
        ]


def request_of(decision: Decision) -> Request:
    """Returns the request that a decision is about."""
    return decision.understood.request if isinstance(decision, Meant) else decision.request


def record_refusals(connection: Connection, refused: Sequence[Refusal], *, events: EventMaker) -> int:
    """Records what is told of refused requests: one a day that was named, else one; returns how many."""
    told = []
    for each in refused:
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
    ids = ids_of(decision.request) if isinstance(decision, Waiting) else _ids(decision)
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


def _ids(decision: Decision) -> Ids:
    return decision.understood.ids if isinstance(decision, Meant) else decision.ids


def with_ids(refused: Sequence[Refusal]) -> list[Refusal]:
    """The refusals with what was read of who asked, so that their letters are found by it."""
    return [
        replace(
            each,
            request=replace(each.request, command_id=each.ids.command_id, spelling=each.chat),
        )
        for each in refused
    ]


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
