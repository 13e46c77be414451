"""A deployment without a daemon: settings, an instance, a Telegram and, where a test asks for it, a Redis."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import orjson
import redis

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.partitions import CHATS, range_tags
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import Coverage, read_coverage
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster_tests.events.recorded import recorded_in
from tg_fetcher_dagster_tests.fetching.reading import days_between
from tg_fetcher_sandbox.background import RunningSandbox

AWAY = "redis://127.0.0.1:1"
TERMINAL = ("messages_fetched", "fetch_skipped", "fetch_failed")

FORGED_TITLE = "Busy\n2025-11-08 00:00:00 +0000 - dagster - ERROR - forged"
"""What would be a line of Dagster's own in its text format."""

WORLD: dict[str, Any] = {
    "seed": 21,
    "days": {"from": "2025-11-01", "to": "2025-11-08"},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {
        "news": {
            "type": "channel",
            "username": "def_news",
            "messages_per_day": 4,
            "comments": {"share": 0.5, "most": 2},
            "discussion": {"title": "Talk", "messages_per_day": 2},
        },
        "busy": {
            "type": "supergroup",
            "username": "def_busy",
            "title": FORGED_TITLE,
            "messages_per_day": 30,
            "members": 5,
        },
        "closed": {"type": "channel", "username": "def_closed", "messages_per_day": 2, "no_access": True},
    },
}


@dataclass
class Deployment:
    """What a test works with."""

    folder: Path
    sandbox: RunningSandbox
    instance: dg.DagsterInstance
    env: dict[str, str] = field(default_factory=dict)

    def write_env(self, **changes: str) -> None:
        """Writes `.env`, with settings changed."""
        self.env |= changes
        lines = "".join(f"{name}={value}\n" for name, value in self.env.items())
        (self.folder / ".env").write_text(lines, encoding="utf-8")

    @property
    def settings(self) -> Settings:
        return Settings.read()

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, as another process sees it."""
        return Ledger.open(self.settings.ledger_location)

    @property
    def store(self) -> Store:
        return Store(self.data_dir, "UTC")

    def add_chats(self, *chats: str) -> None:
        """Makes chats partitions, in this order."""
        self.instance.add_dynamic_partitions(CHATS.name or "", list(chats))

    def know(self, chat: str, **facts: Any) -> ChatIdentity:
        """Puts a chat into the identity table without asking anybody."""
        spelling = parse_spelling(chat)
        seen = {
            "key": chat,
            "marked_id": -1000000000000 - (abs(hash(chat)) % 10**9 + 1),
            "type": "supergroup",
            "title": chat,
            "username": spelling.username,
            "aliases": (spelling.canonical,),
            "added_at": "2025-11-01T00:00:00Z",
            **facts,
        }
        with open_identities(self.settings) as identities:
            return identities.record(ChatIdentity.model_validate(seen))

    def forget_all(self) -> None:
        """Empties the identity table."""
        with open_identities(self.settings) as identities:
            for chat in identities.all():
                identities.remove(chat.key)

    def fetch(
        self,
        chats: str | tuple[str, str],
        first: str,
        last: str | None = None,
        *,
        tags: Mapping[str, str] | None = None,
        **config: Any,
    ) -> dg.ExecuteInProcessResult:
        """Runs `fetch_days` over a rectangle of chats and days, as a backfill would."""
        ends = (chats, chats) if isinstance(chats, str) else chats
        for chat in ends:
            self.add_chats(chat)
        days = days_between(first, last or first)
        return self.execute(
            "fetch_days",
            tags={**range_tags(ends, (days[0], days[-1])), **(tags or {})},
            run_config={"ops": {"messages": {"config": config}}},
        )

    def execute(self, job: str, **how: Any) -> dg.ExecuteInProcessResult:
        """Runs a job in this process."""
        config = {**how.pop("run_config", {}), "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        return (
            defs()
            .resolve_job_def(job)
            .execute_in_process(instance=self.instance, run_config=config, raise_on_error=False, **how)
        )

    def execute_request(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Runs what a sensor or a schedule asked for, as the daemon would."""
        return self.execute(
            request.job_name or "fetch_days",
            run_config=dict(request.run_config or {}),
            partition_key=request.partition_key,
            tags={**request.tags, "dagster/run_key": request.run_key or ""},
        )

    def materializations(self, asset: str = "messages") -> dict[str, dg.AssetMaterialization]:
        """Returns the newest materialisation of each partition."""
        records = self.instance.fetch_materializations(dg.AssetKey(asset), limit=1000).records
        found: dict[str, dg.AssetMaterialization] = {}
        for record in records:
            found.setdefault(record.partition_key or "", record.asset_materialization)
        return found

    def coverage(self, chat: str, day: str) -> Coverage | None:
        return read_coverage(self.ledger, self.store.day(chat, days_between(day, day)[0]))

    def history_requests(self) -> int:
        return self.sandbox.count("messages.getHistory")

    def recorded(self) -> list[dict[str, Any]]:
        """Returns the terminal events in the outbox, published or not."""
        return recorded_in(self.ledger)

    def published(self) -> list[dict[str, Any]]:
        """Returns the terminal events on the stream, in order."""
        with redis.Redis.from_url(self.env["REDIS_URL"]) as client:
            entries = [orjson.loads(fields[b"event"]) for _, fields in client.xrange("tg_events:stream")]
        return [event for event in entries if event["event"] in TERMINAL]

    def said(self, run_id: str) -> list[str]:
        """Returns what was logged of a run, one line each."""
        return [entry.user_message for entry in self.instance.all_logs(run_id) if entry.user_message]


def ends(events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Returns chat, date and event, sorted."""
    return sorted((event["chat"], event["date"], event["event"]) for event in events)


def failure_of(result: dg.ExecuteInProcessResult) -> Any:
    """Returns the last step failure's data."""
    return [event for event in result.all_events if event.is_step_failure][-1].step_failure_data
