"""Fetches chats of a sandbox and reads back what became of them."""

from collections.abc import Container, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from tg_fetcher_dagster.accounts.pacing import Timing
from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.events.models import TERMINAL
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_events import DayEvents
from tg_fetcher_dagster.fetching.rebuild import Rebuilt, rebuild_day
from tg_fetcher_dagster.fetching.request import DayResult, FetchRequest
from tg_fetcher_dagster.fetching.run import fetch_chats
from tg_fetcher_dagster.messages.day import MappingOptions
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import Coverage, read_coverage
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster_tests.consumer import read_day
from tg_fetcher_dagster_tests.events.recorded import recorded
from tg_fetcher_sandbox.background import RunningSandbox

HASH = "0123456789abcdef0123456789abcdef"


def days_between(first: str, last: str) -> tuple[date, ...]:
    """Returns every day of `first..last`."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return tuple(start + timedelta(days=number) for number in range((end - start).days + 1))


def context_at(sandbox: RunningSandbox, settings: Settings, *moments: datetime) -> FetchContext:
    """Returns a context whose Telegram says the first moment; where nobody asks it, it is the last one."""

    standing = Timing(wall=moments[0].timestamp, monotonic=lambda: 0.0)

    def opened() -> AbstractAsyncContextManager[TelegramReader]:
        sandbox.stop_clock(moments[0])
        return open_reader(settings, timing=standing)

    return FetchContext(settings=settings, open_reader=opened, clock=lambda: moments[-1])


@dataclass
class Fetching:
    """One account's context over one sandbox."""

    sandbox: RunningSandbox
    context: FetchContext

    @classmethod
    def over(cls, sandbox: RunningSandbox, folder: Path, *, now: datetime, **settings: Any) -> "Fetching":
        """Signs the sandbox's account in, and stops the clock."""
        facts = Settings.read(
            data_dir=folder / "data",
            session_dir=folder / "sessions",
            telegram_api_id=1,
            telegram_api_hash=HASH,
            rate_limit_calls_per_sec=100_000,
            **settings,
        )
        AccountStore(facts.session_dir).save("main", sandbox.session)
        return cls(sandbox, context_at(sandbox, facts, now))

    @property
    def data_dir(self) -> Path:
        return self.context.settings.data_dir

    def at(self, *moments: datetime) -> "Fetching":
        """Returns the same at another moment, or while time goes on: from when it asks to when it keeps."""
        return Fetching(self.sandbox, context_at(self.sandbox, self.context.settings, *moments))

    def paths(self, chat: str, day: date) -> DayPaths:
        """Returns where a day's files are."""
        return self.context.store.day(chat, day)

    def told(self) -> list[dict[str, Any]]:
        """Returns the events that end a day, in order."""
        return [each for each in self.events() if each["event"] in TERMINAL]

    async def resolve(self, spelling: str) -> str:
        """Returns a chat's key, resolving it once."""
        self.context.store.prepare()
        async with self.context.open_reader() as reader:
            seen = await reader.resolve(parse_spelling(spelling))
        return self.context.identities.record(seen).key

    async def fetch(
        self, chat: str, days: Sequence[date], *, request_id: str = "fetch-1", **how: Any
    ) -> list[DayResult]:
        """Fetches days of one chat."""
        request = FetchRequest(request_id=request_id, chat=chat, days=tuple(days), **how)
        return await fetch_chats([request], self.context)

    def rebuild(
        self, chat: str, day: date, *, options: MappingOptions | None = None, record_from_raw: bool = False
    ) -> Rebuilt:
        """Makes a day again from its raw file, as the command does."""
        context = self.context

        def events_of(then: Coverage) -> DayEvents:
            return DayEvents.of_its_own(context.outbox, context.settings, then.chat, then.date, why="rebuild")

        return rebuild_day(
            chat,
            day,
            store=context.store,
            options=options or context.options,
            events_of=events_of,
            record_from_raw=record_from_raw,
        )

    def day(self, chat: str, day: date, *, nobody: Container[int] = ()) -> dict[str, Any]:
        """Returns a day file in which a strict consumer finds no fault; see `read_day` for `nobody`."""
        read_day(self.data_dir / chat, day, nobody=nobody)
        return dict(orjson.loads(self.context.store.day(chat, day).day_file.read_bytes()))

    def coverage(self, chat: str, day: date) -> Coverage:
        """Returns what is proved of a day."""
        found = read_coverage(self.context.store.day(chat, day))
        assert found is not None
        return found

    def a_day_later(self) -> "Fetching":
        """Returns the same context, a day and an hour on."""
        return self.at(self.context.now() + timedelta(hours=25))

    def details_seen(self, chat: str, *, forgotten: bool) -> None:
        """Lets the chat's details have been seen just now, by the frozen clock, or never."""
        path = self.data_dir / ".chats" / f"{chat}.json"
        kept = orjson.loads(path.read_bytes())
        seen = {"details_seen_at": self.context.now().isoformat()}
        never = {"details_seen_at": None, "available_min_id": None}
        path.write_bytes(orjson.dumps({**kept, **(never if forgotten else seen)}))

    def truth(self) -> dict[str, Any]:
        """Returns what the sandbox says is true, by the chat's name in the scenario."""
        return self.sandbox.truth()["chats"]

    def events(self) -> list[dict[str, Any]]:
        """Returns what is recorded in the outbox, in order."""
        return recorded(self.data_dir)
