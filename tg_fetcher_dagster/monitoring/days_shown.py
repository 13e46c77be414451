"""What is known of each chat's days, as gauges. Pure: counts in, gauges out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tg_fetcher_dagster.days import ONE_DAY, day_of, day_start
from tg_fetcher_dagster.ledger.monitored_days import ChatDays
from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.metrics.kinds import Metric
from tg_fetcher_dagster.monitoring.families import Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Which days there are at a moment.

    Attributes:
        all: the first day that can be fetched, and yesterday.
        due: days of the daily round's promise whose deadline has passed; empty where the first is after the
            last.
    """

    all: tuple[date, date]
    due: tuple[date, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDays:
    """What the ledger says of all chats.

    Attributes:
        chats: whether each chat that is kept is `read`, `paused` or `refused`.
        days: the counts of each chat's days.
        first_asked: the oldest open day of each chat.
        excused: days of the due span that are not done and nobody's delay.
        losses: days with known losses.
    """

    chats: Mapping[str, str] = field(default_factory=dict)
    days: Mapping[str, ChatDays] = field(default_factory=dict)
    first_asked: Mapping[str, date] = field(default_factory=dict)
    excused: Mapping[str, int] = field(default_factory=dict)
    losses: Mapping[str, int] = field(default_factory=dict)


def spans(
    now: datetime, *, zone: ZoneInfo, history_start: date, heal_days: int, deadline_hours: float
) -> Spans:
    """Returns the days that there are at a moment.

    The daily round promises yesterday and the HEAL_DAYS days before; what is older is asked for by somebody,
    who knows how much it is.
    """
    today = day_of(now, zone)
    overdue = day_of(now - timedelta(hours=deadline_hours), zone) - ONE_DAY
    first = max(history_start, today - ONE_DAY * (heal_days + 1))
    return Spans(all=(history_start, today - ONE_DAY), due=(first, overdue))


def day_gauges(
    known: KnownDays, at: Spans, *, zone: ZoneInfo, now: datetime, chat_name: Callable[[str], str] = str
) -> list[Shown]:
    """Returns the gauges of chats and their days; of chats that are shown as one, the sum or the worst.

    Args:
        known: what the ledger says.
        at: which days there are.
        zone: of a day's bounds.
        now: aware.
        chat_name: as what a chat is shown.
    """
    missing: dict[str, int] = defaultdict(int)
    overdue: dict[str, int] = defaultdict(int)
    losses: dict[str, int] = defaultdict(int)
    oldest: dict[str, float] = {}
    lag: dict[str, float] = {}
    for key, state in known.chats.items():
        name = chat_name(key)
        counted = known.days.get(key)
        first = _first(counted, known.first_asked.get(key))
        lacking, due = _lacking(key, known, at, first)
        missing[name] += lacking
        overdue[name] += due if state == "read" else 0
        losses[name] += known.losses.get(key, 0)
        if counted is not None and counted.fetched_at is not None:
            oldest[name] = min(counted.fetched_at, oldest.get(name, counted.fetched_at))
        if first is not None:
            final = counted.newest_final if counted is not None else None
            complete_until = day_start(final + ONE_DAY if final is not None else max(first, at.all[0]), zone)
            lag[name] = max((now - complete_until).total_seconds(), lag.get(name, 0.0))
    by_chat: tuple[tuple[Metric, Mapping[str, float]], ...] = (
        (shown.MISSING, missing),
        (shown.OVERDUE, overdue),
        (shown.DAYS_WITH_LOSSES, losses),
        (shown.LAST_SUCCESS, oldest),
        (shown.LAG, lag),
    )
    return [
        *_by_state(known.chats.values()),
        *(Shown(metric, value, (name,)) for metric, values in by_chat for name, value in values.items()),
    ]


def newest_success(known: KnownDays) -> float:
    """Returns when any day was last read, in seconds since 1970; 0 for never."""
    return max((each.fetched_at for each in known.days.values() if each.fetched_at), default=0.0)


def _by_state(states: Iterable[str]) -> list[Shown]:
    counted: dict[str, int] = dict.fromkeys(shown.CHATS.values["state"], 0)
    for state in states:
        counted[state] += 1
    return [Shown(shown.CHATS, value, (state,)) for state, value in counted.items()]


def _first(counted: ChatDays | None, asked: date | None) -> date | None:
    known = [day for day in (counted.first if counted is not None else None, asked) if day is not None]
    return min(known, default=None)


def _lacking(key: str, known: KnownDays, at: Spans, first: date | None) -> tuple[int, int]:
    """How many days are not done, and how many of these should be."""
    if first is None:
        return 0, 0
    counted = known.days.get(key)
    settled, of_late = (counted.settled, counted.settled_of_late) if counted is not None else (0, 0)
    missing = _length(max(first, at.all[0]), at.all[1]) - settled
    due = _length(max(first, at.due[0]), at.due[1]) - of_late - known.excused.get(key, 0)
    return max(0, missing), max(0, due)


def _length(first: date, last: date) -> int:
    return max(0, (last - first).days + 1)
