"""The one reconciler: takes requests in, plans, asks for runs, follows them, ends every ask.

A tick may die at any line and be repeated: each step is a transaction of its own that looks first at what is
there. A tick's queries do not grow with what is open, and after its deadline it leaves the rest to the next.
"""

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tg_fetcher_dagster.accounts.waiting import Wait
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.ledger import batches
from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.ledger.conditions import say_again
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.requests import unknown_chats
from tg_fetcher_dagster.requests.batch_end import Ending, Settled
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.ended_batches import settle_all
from tg_fetcher_dagster.requests.forgetting import forget_old
from tg_fetcher_dagster.requests.new_commands import NewCommands
from tg_fetcher_dagster.requests.request_end import finish
from tg_fetcher_dagster.requests.requester_limit import Turns, turns_of_process
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.runs import ResolveRequest, Runs, RunState, RunStatus, how_it_ended
from tg_fetcher_dagster.requests.sources import Source
from tg_fetcher_dagster.requests.starting import cut_batches
from tg_fetcher_dagster.requests.waiting import note_account_waits, waits_for, was_away

TIME_BOX = 20.0
"""Seconds of one tick; Dagster ends one after 60 (docs.dagster.io, "Sensors")."""

_ABSENT = RunState(RunStatus.ABSENT)


@dataclass(slots=True)
class TickResult:
    """What a tick came to.

    Attributes:
        start: batches whose run does not exist yet; returned again each tick until it does. `batch_id` is
            the run's key.
        resolve: resolve runs that do not exist yet; likewise.
        cancel: ids of runs whose days were all cancelled.
        notes: lines for whoever looks at the tick.
        taken: commands that were taken in.
        planned: commands that were decided on.
        ended: requests that ended, well or not, or were settled with their batch.
        told: events that were recorded here and are to be published.
        open_batches: batches that have not ended.
        wait: why no new run is asked for; None where one may be.
        more: the time box ended before the work: the next tick goes on.
    """

    start: list[Batch] = field(default_factory=list)
    resolve: list[ResolveRequest] = field(default_factory=list)
    cancel: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    taken: int = 0
    planned: int = 0
    ended: int = 0
    told: int = 0
    open_batches: int = 0
    wait: Wait | None = None
    more: bool = False


class Reconciler:
    """Carries requests to their end, one tick at a time."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        rules: Rules,
        chats: IdentityTable,
        runs: Runs,
        sources: Sequence[Source] = (),
        turns: Turns | None = None,
    ) -> None:
        """Takes what a tick works on.

        Args:
            ledger: what is known.
            rules: the settings that decide.
            chats: the table of chats.
            runs: who carries runs out.
            sources: where commands come from; none: requests are written by `asking.ask` alone.
            turns: who has sent how much; that of the process where absent.
        """
        self._ledger = ledger
        self._rules = rules
        self._chats = chats
        self._runs = runs
        self._sources = tuple(sources)
        self._turns = turns or turns_of_process()
        self._events = EventMaker(rules.service)

    def tick(
        self, now: float, deadline: float, *, today: dt.date | None = None, wait_seconds: float = 0
    ) -> TickResult:
        """Does what can be done until the deadline.

        Args:
            now: seconds since 1970, of this machine's clock.
            deadline: of `time.monotonic`; `TIME_BOX` seconds away at most.
            today: the unfinished day, by Telegram's clock; by `now` where absent.
            wait_seconds: how long to wait for a first command where there is none.

        Raises:
            FetchError: (storage) the ledger is away.
        """
        today = today or self._rules.today(dt.datetime.fromtimestamp(now, dt.UTC))
        result = TickResult(wait=waits_for(self._ledger, now, account=self._rules.account))
        note_account_waits(self._ledger, now, account=self._rules.account)
        say_again(self._ledger)
        states = self._follow(result, now=now, deadline=deadline)
        self._resolve(result, states, may_start=False, now=now, today=today)
        self._take_in(result, now=now, today=today, deadline=deadline, wait_seconds=wait_seconds)
        self._resolve(result, states, may_start=result.wait is None, now=now, today=today)
        self._start(result, now=now, today=today)
        forget_old(self._ledger, now)
        for source in self._sources:
            source.show(self._ledger, now)
            result.notes += source.notes
        return result

    def _follow(self, result: TickResult, *, now: float, deadline: float) -> Mapping[str, RunState]:
        """Looks at all runs at once, ends the batches whose runs have ended, and returns what it saw."""
        with self._ledger.read() as connection:
            flying = batches.in_flight(connection)
            left = batches.open_days(connection)
        waiting = unknown_chats.unresolved(self._ledger, now)
        keys = [each.batch_id for each in flying if each.run_id is None]
        keys += sorted({each.run_id for each in waiting if each.run_id})
        ids = [each.run_id for each in flying if each.run_id is not None]
        states = self._runs.states(keys, ids) if keys or ids else {}
        endings = []
        for batch in flying:
            state = states.get(batch.run_id or batch.batch_id, _ABSENT)
            still_open, cancelled = left.get(batch.batch_id, (0, 0))
            how = how_it_ended(state, waited=now - batch.asked_at, appears_within=self._rules.appears_within)
            if how is None and state.status is RunStatus.ABSENT and (still_open == 0 or not batch.chats):
                how = "never_began"
            if how is not None:
                endings.append(
                    Ending(batch_id=batch.batch_id, how=how, error=state.error, open_days=still_open)
                )
                continue
            if state.status is RunStatus.ABSENT and batch.state == "asked" and result.wait is None:
                result.start.append(batch)
            if still_open == 0 and cancelled and state.run_id:
                result.cancel.append(state.run_id)
        settled = self._settle(endings, now=now, deadline=deadline)
        result.told += sum(each.failed + each.cancelled for each in settled.values())
        result.more = len(settled) < len(endings)
        result.open_batches = len(flying) - len(settled)
        return states

    def _settle(self, endings: Sequence[Ending], *, now: float, deadline: float) -> Mapping[str, Settled]:
        return settle_all(
            self._ledger,
            endings,
            rules=self._rules,
            events=self._events,
            now=now,
            may_go_on=lambda: time.monotonic() < deadline,
        )

    def _resolve(
        self,
        result: TickResult,
        states: Mapping[str, RunState],
        *,
        may_start: bool,
        now: float,
        today: dt.date,
    ) -> None:
        """Goes on with commands whose chat was unknown: before the new ones are read, and after."""
        waiting = unknown_chats.unresolved(self._ledger, now)
        verdict = unknown_chats.judge(
            waiting, self._chats, states, rules=self._rules, now=now, may_start=may_start
        )
        result.told += unknown_chats.apply(
            self._ledger, verdict, rules=self._rules, events=self._events, now=now, today=today
        )
        result.resolve += verdict.resolve
        result.notes += [f"{each.spelling}: {error.message}" for each, error in verdict.given_up]

    def _take_in(
        self, result: TickResult, *, now: float, today: dt.date, deadline: float, wait_seconds: float
    ) -> None:
        """Takes commands from their sources and plans them, by handfuls, until none are left."""
        commands = NewCommands(
            self._ledger,
            self._chats.known(),
            rules=self._rules,
            events=self._events,
            turns=self._turns,
            now=now,
            today=today,
        )
        idle = not (result.start or result.resolve)
        while True:
            taken = self._take(now, wait_seconds if idle else 0)
            idle = False
            read = commands.read_handful()
            result.taken += taken
            result.planned += read.commands
            result.told += read.told
            result.notes += read.notes
            if not taken and not read.commands:
                break
            if time.monotonic() >= deadline:
                result.more = True
                break
        with self._ledger.write() as connection:
            result.ended += len(finish(connection, now=now))

    def _take(self, now: float, wait_seconds: float) -> int:
        """One handful of each source; only the first one is waited for, and only if the others have none."""
        others = sum(source.take(self._ledger, now) for source in self._sources[1:])
        first = self._sources[:1]
        return others + sum(
            source.take(self._ledger, now, wait_seconds=0 if others else wait_seconds) for source in first
        )

    def _start(self, result: TickResult, *, now: float, today: dt.date) -> None:
        if result.wait is not None:
            return
        # While Telegram was away the last time, one run finds out whether it is back.
        rules = replace(self._rules, runs_ahead=1) if was_away(self._ledger) else self._rules
        made = cut_batches(self._ledger, rules=rules, order=self._runs.chat_order(), now=now, today=today)
        result.start = sorted((*result.start, *made), key=lambda batch: batch.priority)
        result.open_batches += len(made)
