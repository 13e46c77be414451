"""Pushes everything at once, plans it, carries it out; what it came to, counted."""

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import redis
import sqlalchemy as sa

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.defs.sensors.requests import RUNS_A_TICK, TIME_BOX
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.requests import OPEN
from tg_fetcher_dagster.ledger.tables import asks, batches, dead_letters, events, requests
from tg_fetcher_dagster.requests.reconciler import Reconciler, TickResult
from tg_fetcher_dagster.requests.redis_commands import RedisCommands
from tg_fetcher_dagster.requests.requester_limit import Turns
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster_tests.load.carried_out import CarriedOut
from tg_fetcher_dagster_tests.load.entries import CHATS, DAYS

QUEUE = "tg_commands"
NEW_CHAT = "load_late"
AT_ONCE = 200

Clock = Callable[[], float]


@dataclass
class Pressure:
    """One deployment without Dagster: a ledger, a Redis, the reconciler, runs that are carried out here.

    Attributes:
        now: of the commands' taking, seconds since 1970; it is passed, so that a test freezes it.
        days: that lie between HISTORY_START and today.
        took: seconds of each tick.
    """

    ledger: Ledger
    client: redis.Redis
    now: float
    days: int = DAYS
    clock: Clock = time.perf_counter
    took: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.today = dt.datetime.fromtimestamp(self.now, dt.UTC).date()
        self.rules = Rules(history_start=self.today - dt.timedelta(days=self.days), zone=ZoneInfo("UTC"))
        self.runs = CarriedOut(self.ledger, [*CHATS, NEW_CHAT])
        self._turns = Turns()
        table = IdentityTable(self.ledger)
        for number, key in enumerate((*CHATS, NEW_CHAT)):
            table.record(
                ChatIdentity(
                    key=key, marked_id=-1_001_000_000_000 - number, type="supergroup", title=key,
                    username=key,
                    added_at=dt.datetime.fromtimestamp(self.now, dt.UTC),
                )
            )  # fmt: skip

    def push(self, entries: Sequence[bytes]) -> None:
        """Pushes entries as producers do."""
        for place in range(0, len(entries), AT_ONCE):
            self.client.rpush(QUEUE, *entries[place : place + AT_ONCE])

    def tick(self) -> TickResult:
        """One tick as the sensor makes it: of what is to be started, it asks for a few."""
        reconciler = Reconciler(
            self.ledger,
            rules=self.rules,
            chats=IdentityTable(self.ledger),
            runs=self.runs,
            sources=[RedisCommands(self.client, QUEUE, channel="tg_events")],
            turns=self._turns,
        )
        began = self.clock()
        result = reconciler.tick(self.now, time.monotonic() + TIME_BOX)
        self.took.append(self.clock() - began)
        self.runs.start(result.start[:RUNS_A_TICK])
        return result

    def plan_all(self) -> int:
        """Ticks until nothing is left in Redis; returns how many commands were planned."""
        planned = 0
        while True:
            result = self.tick()
            planned += result.planned
            if not result.more and not self.client.llen(QUEUE):
                return planned

    def carry_all_out(self) -> Iterator[tuple[str, dt.date, dt.date]]:
        """Carries out one run a tick until nothing is left; yields chat, first and last day of each."""
        while True:
            done = self.runs.carry_out_one()
            if done is not None:
                yield done.chats[0], done.first, done.last
            self.tick()
            if done is None and not self.runs.waiting:
                return

    def ask_late(self, chat: str) -> None:
        """Pushes one more command: one day of a chat."""
        body = {"command": "fetch", "chat": chat, "date": str(self.today - dt.timedelta(days=3))}
        self.push([json.dumps({"command_id": "late", **body}).encode()])

    def left(self) -> dict[str, int]:
        """Returns what has not come to its end, counted."""
        return {
            "requests": self._count(requests, requests.c.state.in_(OPEN)),
            "asks": self._count(asks, asks.c.state == "open"),
            "batches": self._count(batches, batches.c.state != "ended"),
            "processing": int(self.client.llen(f"{QUEUE}:processing")),
        }

    def letters(self) -> int:
        """Returns how many commands were given up."""
        return self._count(dead_letters, sa.true())

    def asked_days(self) -> int:
        """Returns how many days were asked for."""
        return self._count(asks, sa.true())

    def ends_told_wrongly(self) -> int:
        """Returns how many ended asks name no event, or one that is not there."""
        told = sa.select(events.c.event_id)
        return self._count(
            asks,
            asks.c.state.in_(("fetched", "unchanged", "skipped", "duplicate", "failed")),
            sa.or_(asks.c.event_id.is_(None), asks.c.event_id.not_in(told)),
        )

    def _count(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
        with self.ledger.read() as connection:
            query = sa.select(sa.func.count()).select_from(table).where(*where)
            return int(connection.execute(query).scalar_one())
