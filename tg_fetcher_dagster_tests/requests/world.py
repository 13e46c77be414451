"""The world around a dispatch, for tests: runs that end as they are told, a clock, and what was told."""

import datetime as dt
import json
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.requests.dispatch import Dispatch
from tg_fetcher_dagster.requests.following import RunState, RunStatus
from tg_fetcher_dagster.requests.queue import CommandQueue
from tg_fetcher_dagster.requests.ticking import ChatFacts, Outside, Rules

NOW = dt.datetime(2025, 11, 14, 12, tzinfo=dt.UTC)
NAME = "tg_commands"


@dataclass(frozen=True)
class Outcome:
    event: str = "messages_fetched"
    error_type: ErrorType | None = None
    error: str | None = None


@dataclass
class World:
    """Dagster, the outbox and the clock, as far as a dispatch sees them."""

    data_dir: object
    client: object
    now: dt.datetime = NOW
    rules: Rules = field(
        default_factory=lambda: Rules(history_start=dt.date(2025, 1, 1), zone=ZoneInfo("UTC"), max_attempts=2)
    )
    runs: dict = field(default_factory=dict)
    told: dict = field(default_factory=dict)
    failures: list = field(default_factory=list)
    facts: ChatFacts = field(default_factory=ChatFacts)
    table: IdentityTable = field(init=False)

    def __post_init__(self):
        self.table = self.fresh_table()

    def fresh_table(self):
        return IdentityTable(Ledger.open(f"sqlite:///{self.data_dir / 'ledger.sqlite'}"))

    def knows(self, username, marked_id=-1001234567890, **values):
        self.table.record(
            ChatIdentity(
                key=username, marked_id=marked_id, type="supergroup", title=username, username=username,
                added_at=NOW, **values,
            )
        )  # fmt: skip

    def push(self, chat="@ru_python", **values):
        self.client.rpush(NAME, json.dumps({"command": "fetch", "chat": chat, **values}))

    def queue(self, client=None):
        return CommandQueue(client or self.client, NAME)

    def tick(self, client=None, tell=None):
        """One tick of a process that was started just now."""
        dispatch = Dispatch(self.queue(client), self.fresh_table(), rules=self.rules, clock=lambda: self.now)
        return dispatch.tick(
            Outside(
                run_state=lambda key: self.runs.get(key, RunState(RunStatus.ABSENT)),
                outcomes=lambda batch_id: self.told.get(batch_id, {}),
                tell_failed=tell or self.failures.append,
                facts=lambda _identity: self.facts,
            )
        )

    def ends(self, batch, status=RunStatus.SUCCEEDED, *, error=None, failing=(), without=()):
        """The batch's run ends; its days were answered, but for some."""
        self.runs[batch.run_key] = RunState(status, error)
        days = self.told.setdefault(batch.batch_id, {})
        for day in batch.days:
            if day in without or (batch.chat_key, day) in days:
                continue
            wrong = Outcome("fetch_failed", ErrorType.NO_ACCESS, "may not read")
            days[batch.chat_key, day] = wrong if day in failing else Outcome()

    def resolves(self, request, *, known=(), error=None):
        """A resolve run ends: some chats are found, the others fail."""
        self.now += dt.timedelta(seconds=1)
        self.runs[request.run_key] = RunState(RunStatus.FAILED if error else RunStatus.SUCCEEDED)
        for number, spelling in enumerate(request.spellings):
            if spelling in known:
                self.knows(spelling, -1000000000100 - number)
            elif error:
                self.table.record_failure(parse_spelling(spelling), error, self.now)

    def dead_letters(self):
        return self.queue().dead_letters()

    def is_empty(self):
        """Nothing is queued, held, journalled or delayed any more."""
        keys = self.queue().keys
        return not self.client.exists(keys.queue, keys.processing, keys.journal, keys.batches, keys.delayed)


def network(message="connection lost"):
    return FetchError(ErrorType.NETWORK, message)
