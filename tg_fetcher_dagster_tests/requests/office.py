"""A reconciler over a real ledger, for tests: runs that end as they are told, and a clock that is passed."""

import datetime as dt
import json
import math
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.events.models import MessagesFetched, event_id
from tg_fetcher_dagster.events.recording import record
from tg_fetcher_dagster.ledger import asks, batches, days
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import asks as asks_table
from tg_fetcher_dagster.ledger.tables import dead_letters as letters_table
from tg_fetcher_dagster.ledger.tables import events as events_table
from tg_fetcher_dagster.ledger.tables import requests as requests_table
from tg_fetcher_dagster.requests.reconciler import Reconciler
from tg_fetcher_dagster.requests.requester_limit import Turns
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.runs import RunState, RunStatus

NOON = dt.datetime(2025, 11, 14, 12, tzinfo=dt.UTC).timestamp()
TODAY = dt.date(2025, 11, 14)
YESTERDAY = dt.date(2025, 11, 13)
RULES = Rules(history_start=dt.date(2025, 1, 1), zone=ZoneInfo("UTC"), max_attempts=2)


@dataclass
class Office:
    """One deployment: its ledger, its clock, and the runs that somebody carries out."""

    ledger: Ledger
    data_dir: object
    now: float = NOON
    rules: Rules = RULES
    sources: list = field(default_factory=list)
    runs: dict = field(default_factory=dict)
    order: list = field(default_factory=list)
    turns: Turns = field(default_factory=Turns)
    lookups: int = 0

    def states(self, run_keys, run_ids):
        self.lookups += 1
        return {key: self.runs[key] for key in (*run_keys, *run_ids) if key in self.runs}

    def chat_order(self):
        return self.order

    def table(self):
        return IdentityTable(self.ledger)

    def knows(self, *names, **values):
        for number, name in enumerate(names):
            self.table().record(
                ChatIdentity(
                    key=name, marked_id=-1001000000000 - abs(hash(name)) % 10**8 - number, type="supergroup",
                    title=name, username=name, added_at=dt.datetime.fromtimestamp(self.now, dt.UTC), **values,
                )
            )  # fmt: skip
            self.order.append(name)

    def push(self, chat="@ru_python", *, raw=None, source="redis", **values):
        """A command that has been taken in."""
        command = json.dumps({"command": "fetch", "chat": chat, **values}).encode() if raw is None else raw
        number = len(self.rows(requests_table)) + 1
        with self.ledger.write() as connection:
            connection.execute(
                sa.insert(requests_table).values(
                    request_id=f"r{number:04d}", source=source, state="new", raw=command,
                    correlation_id=f"r{number:04d}", received_at=self.now,
                )
            )  # fmt: skip
        return f"r{number:04d}"

    def reconciler(self):
        return Reconciler(
            self.ledger,
            rules=self.rules,
            chats=self.table(),
            runs=self,
            sources=self.sources,
            turns=self.turns,
        )

    def tick(self, **values):
        """One tick of a process that was started just now."""
        return self.reconciler().tick(self.now, math.inf, **values)

    def begins(self, batch, run_id=None):
        run_id = run_id or f"run-of-{batch.batch_id}"
        with self.ledger.write() as connection:
            assert batches.begin(connection, batch.batch_id, run_id, self.now)
        self.runs[batch.batch_id] = self.runs[run_id] = RunState(RunStatus.ACTIVE, run_id=run_id)
        return run_id

    def fetches(self, batch, *only, end="fetched"):
        """A run commits days, each with its event, as fetching/committing.py does."""
        for chat in batch.chats:
            for day in only or batch.days:
                with self.ledger.write() as connection:
                    who = asks.askers_of(connection, batch.batch_id, chat, day)
                    event = fetched(chat, day, [each.command_id for each in who if each.command_id])
                    record(connection, event, request_id=batch.batch_id)
                    ids = [each.request_id for each in who]
                    told = event_id(event, request_id=batch.batch_id)
                    asks.end_asks(connection, ids, chat, day, end=end, event_id=told)
                    known = {"fetched_at": self.now, "checksum_sha256": "0" * 64, "requests": 2}
                    days.put(connection, chat, day, {"settled": day < TODAY, **known})

    def ends(self, batch, status=RunStatus.SUCCEEDED, *, error=None, died=False):
        run_id = f"run-of-{batch.batch_id}"
        state = RunState(status, error, run_id=run_id, died=died)
        self.runs[batch.batch_id] = self.runs[run_id] = state

    def carries_out(self, batch, *only):
        self.begins(batch)
        self.fetches(batch, *only)
        self.ends(batch)

    def resolves(self, request, *, known=(), error=None):
        self.now += 1
        at = dt.datetime.fromtimestamp(self.now, dt.UTC)
        self.runs[request.run_key] = RunState(RunStatus.FAILED if error else RunStatus.SUCCEEDED)
        for spelling in request.spellings:
            if spelling in known:
                self.knows(spelling)
            elif error:
                self.table().record_failure(parse_spelling(spelling), error, at)

    def rows(self, table):
        with self.ledger.read() as connection:
            return [dict(row) for row in connection.execute(sa.select(table)).mappings()]

    def request(self, request_id):
        return next(row for row in self.rows(requests_table) if row["request_id"] == request_id)

    def events(self):
        return [json.loads(row["body"]) for row in self.rows(events_table)]

    def letters(self):
        return [json.loads(row["letter"]) for row in self.rows(letters_table)]

    def open_asks(self):
        return [row for row in self.rows(asks_table) if row["state"] == "open"]


def fetched(chat, day, command_ids=()):
    return MessagesFetched(
        service="tg_fetcher", correlation_id="c", command_ids=tuple(command_ids), chat=chat, date=day,
        message_count=0, file_path="/d", duration_seconds=0, checksum_sha256="0" * 64,
        estimated_tokens_total=0, first_message_ts=None, last_message_ts=None, schema_version="1.0",
        preprocessing_version="1", summary_file_path="/s", threads_file_path="/t",
        participants_file_path="/p", final=True,
    )  # fmt: skip
