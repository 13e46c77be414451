"""The settings that decide what becomes of a request."""

import datetime as dt
from dataclasses import dataclass
from typing import Self
from zoneinfo import ZoneInfo

from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings that decide what a request means and when it is tried again.

    Attributes:
        history_start: the first day that can be fetched.
        zone: of a day's bounds.
        service: the setting SERVICE_NAME, for the events.
        max_attempts: further runs after the first one, where another try may help.
        force: every command is forced (FORCE_REFETCH).
        heal_days: earlier days that a daily round asks for again, a chat.
        runs_ahead: runs asked for and not ended, of the same or a higher urgency.
        duplicate_seconds: so long an ended day answers the same ask again.
        commands_a_minute: of one `requested_by`; more of them wait. 0: no limit.
        chats_allowed: the canonical spellings that commands may ask for; None: any chat.
        account: the account that reads; its floods and its quarantine are waited for.
        appears_within: seconds until a run that was asked for and is nowhere counts as never begun.
        only: requests whose days alone runs are asked for; None: everybody's.
        store: where files are; None: what the ledger says is believed without a look.
    """

    history_start: dt.date
    zone: ZoneInfo
    service: str = "tg_fetcher"
    max_attempts: int = 3
    force: bool = False
    heal_days: int = 14
    runs_ahead: int = 4
    duplicate_seconds: float = 300.0
    commands_a_minute: int = 0
    chats_allowed: frozenset[str] | None = None
    account: str = "main"
    appears_within: float = 300.0
    only: frozenset[str] | None = None
    store: Store | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Returns the rules of the present settings.

        Raises:
            FetchError: (validation) TELEGRAM_CHATS names what is no chat, where it decides what is allowed.
        """
        return cls(
            history_start=settings.history_start,
            zone=settings.zone,
            service=settings.service_name,
            max_attempts=settings.max_retry_attempts,
            force=settings.force_refetch,
            heal_days=settings.heal_days,
            runs_ahead=settings.max_runs_ahead,
            duplicate_seconds=settings.dedup_window_seconds,
            commands_a_minute=settings.commands_per_minute,
            chats_allowed=None
            if settings.chats_allowed == "any"
            else frozenset(parse_spelling(chat).canonical for chat in settings.telegram_chats),
            account=settings.telegram_account,
            store=Store.of(settings),
        )

    def has_file(self, chat: str, day: dt.date) -> bool:
        """False where a day that is complete has lost its file: its run makes it again."""
        return self.store is None or self.store.day(chat, day).day_file.exists()

    def today(self, moment: dt.datetime) -> dt.date:
        """Returns the day that has begun and is not over at an aware moment."""
        return moment.astimezone(self.zone).date()
