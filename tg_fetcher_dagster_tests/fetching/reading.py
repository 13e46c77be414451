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
from tg_fetcher_dagster.chats.access import Refusal, refusals
from tg_fetcher_dagster.chats.identity_rows import IdentityRows
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.events.models import Event
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_end import unasked
from tg_fetcher_dagster.fetching.rebuild import Rebuilt, rebuild_day
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.fetching.run import fetch_chats
from tg_fetcher_dagster.ledger import days as ledger_days
from tg_fetcher_dagster.ledger import outbox, planning
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.overview import doubted_days
from tg_fetcher_dagster.messages.day import MappingOptions
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import Coverage, read_coverage, write_coverage
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster_tests.consumer import read_day
from tg_fetcher_dagster_tests.records import is_complete
from tg_fetcher_sandbox.background import RunningSandbox

HASH = "0123456789abcdef0123456789abcdef"


def days_between(first: str, last: str) -> tuple[date, ...]:
    """Returns every day of `first..last`."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return tuple(start + timedelta(days=number) for number in range((end - start).days + 1))


class Heard:
    """Keeps what was told in passing, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event, *, request_id: str) -> None:
        del request_id
        self.events.append(event)


def context_at(
    sandbox: RunningSandbox,
    settings: Settings,
    ledger: Ledger,
    *moments: datetime,
    heard: Heard | None = None,
) -> FetchContext:
    """Returns a context whose Telegram says the first moment; where nobody asks it, it is the last one."""

    standing = Timing(wall=moments[0].timestamp, monotonic=lambda: 0.0)

    def opened() -> AbstractAsyncContextManager[TelegramReader]:
        sandbox.stop_clock(moments[0])
        return open_reader(settings, timing=standing)

    return FetchContext(
        settings=settings,
        open_reader=opened,
        clock=lambda: moments[-1],
        opened=ledger,
        progress=heard or Heard(),
    )


@dataclass
class Fetching:
    """One account's context over one sandbox."""

    sandbox: RunningSandbox
    context: FetchContext

    @classmethod
    def over(
        cls, sandbox: RunningSandbox, folder: Path, ledger: Ledger, *, now: datetime, **settings: Any
    ) -> "Fetching":
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
        return cls(sandbox, context_at(sandbox, facts, ledger, now))

    @property
    def data_dir(self) -> Path:
        return self.context.settings.data_dir

    def at(self, *moments: datetime) -> "Fetching":
        """Returns the same at another moment, or while time goes on: from when it asks to when it keeps."""
        there = self.context
        return Fetching(
            self.sandbox,
            context_at(self.sandbox, there.settings, there.ledger, *moments, heard=self.heard),
        )

    @property
    def heard(self) -> Heard:
        """Who listens to progress."""
        assert isinstance(self.context.progress, Heard)
        return self.context.progress

    def paths(self, chat: str, day: date) -> DayPaths:
        """Returns where a day's files are."""
        return self.context.store.day(chat, day)

    def told(self) -> list[dict[str, Any]]:
        """Returns the events that end a day, in order."""
        with self.context.ledger.read() as connection:
            return [orjson.loads(each.body) for each in outbox.recorded_after(connection, 0, 100_000)]

    async def resolve(self, spelling: str) -> str:
        """Returns a chat's key, resolving it once."""
        self.context.store.prepare()
        async with self.context.open_reader() as reader:
            seen = await reader.resolve(parse_spelling(spelling))
        return self.context.identities.record(seen).key

    async def fetch(
        self, chat: str, days: Sequence[date], *, request_id: str = "fetch-1", **how: Any
    ) -> list[DayReport]:
        """Fetches days of one chat."""
        request = FetchRequest(request_id=request_id, chat=chat, days=tuple(days), **how)
        return await fetch_chats([request], self.context)

    def rebuild(
        self, chat: str, day: date, *, options: MappingOptions | None = None, record_from_raw: bool = False
    ) -> Rebuilt:
        """Makes a day again from its raw file, as the command does."""
        return rebuild_day(
            chat,
            day,
            self.context,
            told_as=lambda _then: unasked("rebuild"),
            options=options,
            record_from_raw=record_from_raw,
        )

    def day(self, chat: str, day: date, *, nobody: Container[int] = ()) -> dict[str, Any]:
        """Returns a day file in which a strict consumer finds no fault; see `read_day` for `nobody`."""
        read_day(self.data_dir / chat, day, nobody=nobody)
        return dict(orjson.loads(self.context.store.day(chat, day).day_file.read_bytes()))

    def coverage(self, chat: str, day: date) -> Coverage:
        """Returns what is proved of a day."""
        found = self.proved(self.paths(chat, day))
        assert found is not None
        return found

    def proved(self, paths: DayPaths) -> Coverage | None:
        """Returns what is proved of a day; None where nothing is."""
        return read_coverage(self.context.ledger, paths)

    def is_complete(self, paths: DayPaths) -> bool:
        """Returns whether a day needs no fetch."""
        return is_complete(self.context.ledger, paths)

    def done(self, chat: str) -> set[date]:
        """Returns the days of a chat that nobody asks for by himself."""
        with self.context.ledger.read() as connection:
            now = self.context.now().timestamp()
            settled = planning.settled(connection, [chat], date.min, date.max, now=now)
        return {day for _, day in settled}

    def doubted(self) -> list[tuple[str, date]]:
        """Returns the days that wait for a deletion to be confirmed."""
        with self.context.ledger.read() as connection:
            return doubted_days(connection)

    def lose_record(self, paths: DayPaths) -> None:
        """Takes a day's record out of the ledger."""
        self.damage_record(paths, None)

    def damage_record(self, paths: DayPaths, text: str | None) -> None:
        """Writes something else where a day's record stands."""
        with self.context.ledger.write() as connection:
            ledger_days.put(connection, paths.chat, paths.day, {"coverage": text})

    def write_record(self, coverage: Coverage) -> None:
        """Writes what is proved of a day."""
        with self.context.ledger.write() as connection:
            write_coverage(connection, coverage)

    def a_day_later(self) -> "Fetching":
        """Returns the same context, a day and an hour on."""
        return self.at(self.context.now() + timedelta(hours=25))

    def details_seen(self, chat: str, *, forgotten: bool) -> None:
        """Lets the chat's details have been seen just now, by the frozen clock, or never."""
        seen = {"details_seen_at": self.context.now()}
        never = {"details_seen_at": None, "available_min_id": None}
        self.rewrite(chat, **(never if forgotten else seen))

    def refusal(self, chat: str) -> Refusal | None:
        """Returns why a chat is out of the daily round."""
        with self.context.ledger.read() as connection:
            return refusals(connection).get(chat)

    def rewrite(self, chat: str, **changes: Any) -> None:
        """Changes what is kept of a chat's identity."""
        with IdentityRows(self.context.ledger, self.context.now).changing() as writing:
            writing.write(writing.of_key(chat).model_copy(update=changes))

    def truth(self) -> dict[str, Any]:
        """Returns what the sandbox says is true, by the chat's name in the scenario."""
        return self.sandbox.truth()["chats"]

    def events(self) -> list[dict[str, Any]]:
        """Returns everything that was told: progress, and how days ended; each in order of its time."""
        passed = [orjson.loads(event.model_dump_json()) for event in self.heard.events]
        return sorted([*passed, *self.told()], key=lambda event: event["timestamp"])
