"""Which chats are up to date: of each, the days that should be done by now and are not, why, and what to do.

A day should be done DAY_DEADLINE_HOURS after its end. Looked at are the days that daily rounds look at
(HEAL_DAYS before the newest that should be done); what was asked for a short while ago is nobody's delay.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tg_fetcher_dagster.chats.access import Refusal, refusals
from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.days import ONE_DAY, day_of
from tg_fetcher_dagster.errors import WHAT_TO_DO, ErrorType
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.days import first_days
from tg_fetcher_dagster.ledger.late_days import AskedDay, KnownDay, asked_days, known_days
from tg_fetcher_dagster.ledger.planning import ChatDay
from tg_fetcher_dagster.requests.wording import counted
from tg_fetcher_dagster.settings import Settings

State = Literal["fresh", "late", "stale", "refused", "paused"]
"""`late`: a day is missing; `stale`: the two newest are; `refused`: the chat cannot be read."""

STATES_BY_NEED: Final = ("stale", "refused", "late", "fresh", "paused")
"""The worst first."""

_WHO_ASKS: Final = (
    "is the schedule yesterday on (UI, Automation), and the daemon running? What is missing is read by"
    " tg-fetcher fetch CHAT --incremental"
)

_AT_ONCE: Final = 500
"""Chats of one query; SQLite took 999 values in a query before its version 3.32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How up to date one chat is.

    Attributes:
        last: the newest day that should be done by now.
        missing: days that should be and are not, ascending.
        why: one line; empty where nothing is missing.
        to_do: what a person should do; empty likewise.
    """

    chat: str
    last: dt.date
    state: State
    missing: tuple[dt.date, ...] = ()
    why: str = ""
    to_do: str = ""

    @property
    def is_well(self) -> bool:
        """True where nobody needs to look."""
        return self.state in {"fresh", "paused"}

    @property
    def sentence(self) -> str:
        """The whole of it in one line."""
        if self.state == "paused":
            return "paused: no daily round reads it"
        if self.is_well:
            return f"done up to {self.last}"
        named = f"{self.missing[0]}" if len(self.missing) == 1 else f"{self.missing[0]}..{self.missing[-1]}"
        lacks = f"{counted(len(self.missing), 'day')} not done since {named}; " if self.missing else ""
        return f"{lacks}{self.why}. What to do: {self.to_do}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the ledger knows of the window's days."""

    days: Mapping[ChatDay, KnownDay]
    asked: Mapping[ChatDay, AskedDay]
    first: Mapping[str, dt.date]
    refused: Mapping[str, Refusal]


def freshness_of(
    ledger: Ledger, chats: Sequence[ChatIdentity], settings: Settings, *, now: dt.datetime
) -> list[Freshness]:
    """Returns how up to date chats are, the worst first; a handful of queries for every 500 of them.

    Args:
        ledger: opened.
        chats: those that are kept.
        settings: with the deadline, the zone and how far daily rounds look back.
        now: Telegram's time, aware.

    Raises:
        FetchError: (storage) the ledger cannot be read.
    """
    last = last_due(settings, now)
    window = max(settings.history_start, last - ONE_DAY * settings.heal_days), last
    found: list[Freshness] = []
    for place in range(0, len(chats), _AT_ONCE):
        some = chats[place : place + _AT_ONCE]
        with ledger.read() as connection:
            known = _known(connection, [each.key for each in some], window)
        found += [judged(each, known, window, settings=settings, now=now) for each in some]
    return worst_first(found)


def last_due(settings: Settings, now: dt.datetime) -> dt.date:
    """Returns the newest day that should be done by now."""
    return day_of(now - dt.timedelta(hours=settings.day_deadline_hours), settings.zone) - ONE_DAY


def worst_first(found: Iterable[Freshness]) -> list[Freshness]:
    """Returns what needs a look first, and by chat."""
    return sorted(found, key=lambda each: (STATES_BY_NEED.index(each.state), each.chat))


def _known(connection: Connection, keys: Sequence[str], window: tuple[dt.date, dt.date]) -> Known:
    return Known(
        days=known_days(connection, keys, *window),
        asked=asked_days(connection, keys, *window),
        first=first_days(connection, keys),
        refused=refusals(connection),
    )


def judged(
    chat: ChatIdentity,
    known: Known,
    window: tuple[dt.date, dt.date],
    *,
    settings: Settings,
    now: dt.datetime,
) -> Freshness:
    """Returns how up to date a chat is. Pure.

    Args:
        chat: which.
        known: what is known of its days.
        window: the days that are looked at; the last one is the newest that should be done.
        settings: with the deadline and the zone.
        now: aware.
    """
    last = window[1]
    if chat.paused:
        return Freshness(chat=chat.key, last=last, state="paused")
    patience = dt.timedelta(hours=settings.day_deadline_hours)
    first = max(window[0], known.first.get(chat.key) or _first_promised(chat, settings))
    missing = tuple(
        day
        for day in _between(first, last)
        if not _done(known.days.get((chat.key, day)))
        and not _asked_lately(known.asked.get((chat.key, day)), now - patience)
    )
    refusal = known.refused.get(chat.key)
    if refusal is not None:
        return Freshness(
            chat=chat.key,
            last=last,
            state="refused",
            missing=missing,
            why=f"{refusal.state}: {refusal.why}",
            to_do=_for(WHAT_TO_DO[refusal.error_type], chat.key, last),
        )
    if not missing:
        return Freshness(chat=chat.key, last=last, state="fresh")
    why, to_do = _reason(
        known.days.get((chat.key, missing[-1])), known.asked.get((chat.key, missing[-1])), now
    )
    to_do = _for(to_do, chat.key, missing[-1])
    silent = {last, last - ONE_DAY} <= set(missing)
    return Freshness(
        chat=chat.key, last=last, state="stale" if silent else "late", missing=missing, why=why, to_do=to_do
    )


def _first_promised(chat: ChatIdentity, settings: Settings) -> dt.date:
    """Of a chat that was never read: the first day whose deadline had not passed when it was added."""
    return day_of(chat.added_at - dt.timedelta(hours=settings.day_deadline_hours), settings.zone)


def _between(first: dt.date, last: dt.date) -> Iterable[dt.date]:
    return (first + ONE_DAY * number for number in range((last - first).days + 1))


def _done(day: KnownDay | None) -> bool:
    return day is not None and day.settled


def _asked_lately(asked: AskedDay | None, moment: dt.datetime) -> bool:
    return asked is not None and asked.since > moment.timestamp() and asked.error is None


def _reason(day: KnownDay | None, asked: AskedDay | None, now: dt.datetime) -> tuple[str, str]:
    """Returns why a day is not done, and what to do."""
    if asked is not None and asked.error_type is not None:
        waits = f"waits until {_shown(asked.until)}" if asked.until > now.timestamp() else "is tried again"
        return f"{waits}: {asked.error}", _advice(asked.error_type)
    if asked is not None and asked.in_a_run:
        return "a run reads it", "nothing at first; if it stays, look at the run (UI, Runs)"
    if asked is not None:
        return (
            f"it waits for its turn since {_shown(asked.since)}",
            "see tg-fetcher status: is the sensor requests on, does a run take long, does the account rest?",
        )
    if day is not None and day.given_up:
        return f"given up: {day.error}", f"{_advice(day.error_type)}; then tg-fetcher heal"
    if day is not None and day.error_type is not None:
        return f"{day.error}", _advice(day.error_type)
    return (
        "nobody has asked for it",
        _WHO_ASKS,
    )


def _advice(error_type: str | None) -> str:
    known = error_type in set(ErrorType)
    return WHAT_TO_DO[ErrorType(error_type) if known and error_type else ErrorType.INTERNAL]


def _for(to_do: str, chat: str, day: dt.date) -> str:
    """Returns what to do about one chat's day, as it can be typed."""
    return to_do.replace("CHAT", chat).replace("DATE", day.isoformat())


def _shown(moment: float) -> str:
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%d %H:%M} UTC"
