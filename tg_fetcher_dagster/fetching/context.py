"""What days are made with, opened once for a run or a command."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Protocol

from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.events.models import Event
from tg_fetcher_dagster.events.passing import Passing
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.messages.day import MappingOptions
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.clock import telegram_now
from tg_fetcher_dagster.telegram.reader import TelegramReader


@dataclass(frozen=True)
class DayContext:
    """All that making a day from its raw file needs; nothing here asks Telegram.

    Attributes:
        settings: as they were when the work began.
        opened: a ledger that is open already; else the settings' own is opened when it is first needed.
    """

    settings: Settings
    opened: Ledger | None = field(default=None, kw_only=True)

    @cached_property
    def ledger(self) -> Ledger:
        """What is proved of each day, who asked for it, and who is to be told.

        Raises:
            FetchError: (validation, storage) it cannot be opened.
        """
        return self.opened or Ledger.open(self.settings.ledger_location)

    @cached_property
    def store(self) -> Store:
        """DATA_DIR."""
        return Store.of(self.settings)

    @cached_property
    def identities(self) -> IdentityTable:
        """The chats that are known."""
        return IdentityTable(self.ledger)

    @cached_property
    def options(self) -> MappingOptions:
        """How messages become the day file."""
        return MappingOptions.from_settings(self.settings)

    def close(self) -> None:
        """Ends the connections of the ledger that was opened here."""
        if self.opened is None and "ledger" in self.__dict__:
            self.ledger.close()


class TellsInPassing(Protocol):
    """Tells progress to whoever listens just now."""

    def tell(self, event: Event, *, request_id: str) -> None:
        """Tells it, or not: it never fails a fetch."""


@dataclass(frozen=True)
class FetchContext(DayContext):
    """The places and tools of a fetch.

    Attributes:
        open_reader: opens Telegram; called at most once a run, and not at all where nothing is to be asked.
        clock: says the present moment in the place of what is known of Telegram's time.
        progress: who is told of progress, if not those who listen in Redis.
    """

    open_reader: Callable[[], AbstractAsyncContextManager[TelegramReader]]
    clock: Callable[[], datetime] | None = None
    progress: TellsInPassing | None = None

    def now(self) -> datetime:
        """Returns the present moment as far as it is known without asking Telegram, aware and in UTC.

        What is over is decided by an open reader's `now` instead.
        """
        return self.clock() if self.clock is not None else telegram_now(self.settings)

    @cached_property
    def passing(self) -> TellsInPassing:
        """Where progress is told."""
        return self.progress if self.progress is not None else Passing(self.settings)

    def close(self) -> None:
        """Ends the connections to the ledger and to Redis, where there are any."""
        super().close()
        passing = self.__dict__.get("passing")
        if isinstance(passing, Passing):
            passing.close()
