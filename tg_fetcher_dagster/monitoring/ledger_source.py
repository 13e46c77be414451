"""The ledger, as the monitor sees it: what was counted, what is under way, and all chats' days."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tg_fetcher_dagster.accounts.session_names import session_names
from tg_fetcher_dagster.ledger import measures, monitored, monitored_days
from tg_fetcher_dagster.ledger.database import Connection, Ledger, file_of
from tg_fetcher_dagster.ledger.measures import Total
from tg_fetcher_dagster.monitoring.days_shown import KnownDays, Spans, day_gauges, newest_success, spans
from tg_fetcher_dagster.monitoring.families import counted_families, gauge_families, text_of
from tg_fetcher_dagster.monitoring.ledger_facts import LedgerFacts, read_facts
from tg_fetcher_dagster.monitoring.reader import Reading
from tg_fetcher_dagster.monitoring.shown_chats import (
    ShownChats,
    chosen,
    counted_chats,
    keep_chosen,
    kept_chats,
)
from tg_fetcher_dagster.monitoring.states_shown import state_gauges
from tg_fetcher_dagster.settings import Settings

EVERY: Final = 5.0

DAYS_EVERY: Final = 30.0
"""Seconds between two looks at all chats' days: 300,000 of them take a third of a second."""


@dataclass(frozen=True, slots=True)
class _Days:
    """All chats' days, as they were looked at last."""

    at: float
    known: KnownDays
    spans: Spans


class LedgerSource:
    """Looks at the ledger; every look opens it anew, since one that hangs is left behind.

    Args:
        settings: of this process.
        clock: seconds since 1970.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._days: _Days | None = None
        self._counted: tuple[list[Total], ShownChats, bytes] | None = None

    def read(self) -> Reading[LedgerFacts]:
        """Looks once.

        Raises:
            FetchError: (storage) the ledger cannot be reached, or there is none yet.
        """
        at = self._clock()
        log_bytes = _log_bytes(self._settings)
        sessions = _sessions(self._settings)
        with Ledger.open_made(self._settings.ledger_location) as ledger, ledger.read() as connection:
            days = self._days = self._looked_at_days(connection, at)
            facts = read_facts(
                connection,
                at=at,
                sessions=sessions,
                configured=self._settings.telegram_account,
                newest_success_at=newest_success(days.known),
                log_bytes=log_bytes,
            )
            totals = measures.read_totals(connection)
            before = kept_chats(connection)
        shown = chosen(
            before,
            {*days.known.chats, *counted_chats(totals)},
            most=self._settings.metrics_chats,
            messages={key: of.messages for key, of in days.known.days.items()},
        )
        chats = ShownChats(frozenset(shown))
        gauges = [
            *state_gauges(facts, pace=self._settings.rate_limit_calls_per_sec),
            *day_gauges(
                days.known,
                days.spans,
                zone=self._settings.zone,
                now=datetime.fromtimestamp(at, UTC),
                chat_name=chats.name,
            ),
        ]
        return Reading(facts, self._text_of_counts(totals, chats) + text_of(gauge_families(gauges)))

    def _looked_at_days(self, connection: Connection, at: float) -> _Days:
        if self._days is not None and 0 <= at - self._days.at < DAYS_EVERY:
            return self._days
        settings = self._settings
        of = spans(
            datetime.fromtimestamp(at, UTC),
            zone=settings.zone,
            history_start=settings.history_start,
            heal_days=settings.heal_days,
            deadline_hours=settings.day_deadline_hours,
        )
        asked_after = at - settings.day_deadline_hours * 3600
        known = KnownDays(
            chats=monitored.chat_states(connection),
            days=monitored_days.chat_days(connection, span=of.all, window=of.due),
            first_asked=monitored_days.first_asked_days(connection),
            excused=monitored_days.excused_days(connection, window=of.due, asked_after=asked_after),
            losses=monitored_days.days_with_losses(connection),
        )
        return _Days(at, known, of)

    def _text_of_counts(self, totals: list[Total], chats: ShownChats) -> bytes:
        """Returns the text of the totals; that of before where nothing was counted since."""
        if self._counted is None or self._counted[:2] != (totals, chats):
            text = text_of(counted_families(totals, chat_name=chats.name))
            self._counted = totals, chats, text
        return self._counted[2]


def fold_all(settings: Settings) -> Reading[int]:
    """Adds what was measured to the totals, and keeps which chats have metrics of their own.

    Returns:
        How many rows of measures it added.

    Raises:
        FetchError: (storage) the ledger cannot be written, or there is none yet.
    """
    folded = 0
    with Ledger.open_made(settings.ledger_location) as ledger:
        while now := measures.fold(ledger):
            folded += now
            if now < measures.MOST_AT_ONCE:
                break  # what came meanwhile is for the next look: those who write need the ledger, too
        keep_chosen(ledger, most=settings.metrics_chats)
    return Reading(folded)


def _log_bytes(settings: Settings) -> int:
    """What stands in SQLite's log and not yet in its file; 0 for a server."""
    file = file_of(settings.ledger_location)
    log = file.with_name(f"{file.name}-wal") if file is not None else None
    try:
        return log.stat().st_size if log is not None else 0
    except FileNotFoundError:
        return 0


def _sessions(settings: Settings) -> list[str] | None:
    """The names of the accounts that are kept here; None where this process does not see them."""
    if not settings.session_dir.is_dir():
        return None
    return session_names(settings.session_dir)
