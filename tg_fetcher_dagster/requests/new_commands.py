"""New commands, a handful at a time: read, and refused, put off, handed on to be resolved, or planned.

A handful is one transaction. Where one command breaks it, each of them gets a transaction of its own, and the
one that breaks its own is refused: a tick survives any single command.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

import structlog

from tg_fetcher_dagster.chats.known import KnownChats
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import requests
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.requests import Request
from tg_fetcher_dagster.requests.chat_facts import facts_of_chats
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.decisions import (
    Decision,
    Waiting,
    request_of,
    wanted_by,
    write_decisions,
)
from tg_fetcher_dagster.requests.isolation import is_away
from tg_fetcher_dagster.requests.request_end import finish
from tg_fetcher_dagster.requests.requester_limit import WINDOW, Turns
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.understanding import (
    ChatFacts,
    Meant,
    Refusal,
    Understood,
    broken,
    meaning,
    not_allowed,
    understand,
)
from tg_fetcher_dagster.requests.wanted_days import days_without_file

Told = TypeVar("Told")

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
        handful = [(each, self._safely(each, partial(understand, each))) for each in (*due, *fresh)]
        facts = self._facts_of(understood for _, understood in handful)
        decisions: list[Decision] = []
        days = 0
        for request, understood in handful:
            decision = self._safely(request, partial(self._decided, understood, facts))
            days += len(decision.days) if isinstance(decision, Meant | Refusal) else 0
            decisions.append(decision)
            if days > MAX_DAYS:
                break
        return self._written_safely(decisions)

    def _safely(self, request: Request, work: Callable[[], Told]) -> Told | Refusal:
        """What is found out about a command; one that breaks it is refused."""
        try:
            return work()
        except Exception as error:
            if is_away(self._ledger):
                raise
            log.exception("a command breaks what decides on it", request_id=request.request_id)
            return broken(request, error)

    def _decided(self, understood: Understood | Refusal, facts: Mapping[str, ChatFacts]) -> Decision:
        if isinstance(understood, Refusal):
            return understood
        request = understood.request
        if (until := self._until(understood)) is not None:
            return Waiting(request, understood.ids, until)
        spelling = understood.command.spelling
        identity = self._chats.find(spelling)
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
        known = ChatFacts()
        if understood.command.mode == "incremental":
            known = (facts if identity.key in facts else self._facts([identity.key]))[identity.key]
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
            # By this tick's clock: what lay further away or in the past would be looked at again at once.
            until = self._out_of_turn[who] = min(max(until, self._now + 1), self._now + WINDOW)
        return until

    def _allowed_keys(self) -> dict[str, str | None] | None:
        if self._rules.chats_allowed is None:
            return None
        keys: dict[str, str | None] = {}
        for canonical in self._rules.chats_allowed:
            identity = self._chats.find(parse_spelling(canonical))
            keys[canonical] = identity.key if identity else None
        return keys

    def _facts_of(self, handful: Iterable[Understood | Refusal]) -> dict[str, ChatFacts]:
        """What `incremental` needs of the chats that are asked for so; none where one of them breaks it."""
        keys = {
            identity.key
            for each in handful
            if isinstance(each, Understood) and each.command.mode == "incremental"
            if (identity := self._chats.find(each.command.spelling)) is not None
        }
        try:
            return self._facts(sorted(keys))
        except Exception as error:
            if is_away(self._ledger):
                raise
            log.exception("what is known of chats cannot be read together", reason=str(error))
            return {}

    def _facts(self, keys: Sequence[str]) -> dict[str, ChatFacts]:
        return facts_of_chats(self._ledger, keys, rules=self._rules, now=self._now, today=self._today)

    def _written_safely(self, decisions: Sequence[Decision]) -> Read:
        try:
            return self._written(decisions)
        except Exception as error:
            if is_away(self._ledger):
                raise
            log.exception("a handful of commands cannot be written together", reason=str(error))
        total = Read()
        for each in decisions:
            try:
                one = self._written([each])
            except Exception as error:
                if is_away(self._ledger):
                    raise
                log.exception("a command cannot be written down", request_id=request_of(each).request_id)
                one = self._written([broken(request_of(each), error)])
            total.commands += one.commands
            total.told += one.told
            total.notes += one.notes
        return total

    def _written(self, decisions: Sequence[Decision]) -> Read:
        wanted = wanted_by(decisions, self._rules)
        without_file = days_without_file(self._ledger, wanted, rules=self._rules, now=self._now)
        with self._ledger.write() as connection:
            requests.lock_planning(connection)
            ids = [request_of(each).request_id for each in decisions]
            still = requests.still(connection, ids, ("new", "waiting"))
            mine = [each for each in decisions if request_of(each).request_id in still]
            told = write_decisions(
                connection,
                mine,
                without_file=without_file,
                rules=self._rules,
                events=self._events,
                now=self._now,
                today=self._today,
            )
            finish(connection, now=self._now)
        return Read(commands=len(decisions), told=told, notes=self._notes(mine))

    def _notes(self, decisions: Sequence[Decision]) -> list[str]:
        """What the requesters of commands should know."""
        notes = []
        over: dict[str, None] = {}
        for each in decisions:
            if isinstance(each, Meant):
                moved = self._moved.get(each.understood.command.spelling.username or "")
                lines = (*each.notes, *((moved,) if moved else ()))
                notes += [f"command {each.understood.ids.command_id}: {line}" for line in lines]
            elif isinstance(each, Refusal):
                notes.append(f"command {each.ids.command_id} is refused: {each.error.message}")
            elif isinstance(each, Waiting) and each.request.state == "new":
                over[each.ids.requested_by] = None
        a_minute = self._rules.commands_a_minute
        return notes + [
            f"{who} sends more than {a_minute} commands a minute: the others wait (COMMANDS_PER_MINUTE)"
            for who in over
        ]
