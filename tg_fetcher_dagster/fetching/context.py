"""What fetching works with, made once for a run."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.messages.day import MappingOptions
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.clock import telegram_now
from tg_fetcher_dagster.telegram.reader import TelegramReader


@dataclass(frozen=True)
class FetchContext:
    """The places and tools of a fetch.

    Attributes:
        settings: as they were when the run began.
        open_reader: opens Telegram; called at most once a run, and not at all where nothing is to be asked.
        clock: says the present moment in the place of what is known of Telegram's time.
    """

    settings: Settings
    open_reader: Callable[[], AbstractAsyncContextManager[TelegramReader]]
    clock: Callable[[], datetime] | None = None

    def now(self) -> datetime:
        """Returns the present moment as far as it is known without asking Telegram, aware and in UTC.

        What is over is decided by an open reader's `now` instead.
        """
        return self.clock() if self.clock is not None else telegram_now(self.settings)

    @cached_property
    def store(self) -> Store:
        """DATA_DIR."""
        return Store.of(self.settings)

    @cached_property
    def ledger(self) -> Ledger:
        """What is known."""
        return Ledger.open(self.settings.ledger_location)

    @cached_property
    def identities(self) -> IdentityTable:
        """The chats that are known."""
        return IdentityTable(self.ledger)

    @cached_property
    def outbox(self) -> Outbox:
        """Where events are left to be published."""
        return Outbox(self.settings.data_dir)

    @cached_property
    def options(self) -> MappingOptions:
        """How messages become the day file."""
        return MappingOptions.from_settings(self.settings)
