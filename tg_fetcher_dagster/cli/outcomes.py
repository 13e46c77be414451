"""What was asked for and what came of it, day by day. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tg_fetcher_dagster.cli.wanted import Asked
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events.recording import OutcomeRecord
from tg_fetcher_dagster.storage.coverage import Coverage

ENDS = frozenset({"messages_fetched", "fetch_skipped", "fetch_failed"})
"""Each chat and day that was asked for ends in exactly one of these (events/models.py)."""

FAILED = "fetch_failed"


@dataclass(frozen=True, kw_only=True)
class DayEnd:
    """How one day ended.

    Attributes:
        day: None where the whole command failed before it had days.
        told: a few words: what was read, why it was skipped, or why it failed.
    """

    chat: str
    day: date | None
    event: str
    told: str

    @property
    def failed(self) -> bool:
        """True where the day was not fetched."""
        return self.event == FAILED

    @property
    def line(self) -> str:
        """The end in one line."""
        about = f"{self.chat} {self.day}" if self.day else self.chat
        return f"{about}: {self.told}"


def end_of(event: Mapping[str, Any]) -> DayEnd | None:
    """Returns how a day ended by this event; None for an event on the way there."""
    name = event.get("event")
    if name not in ENDS:
        return None
    given = event.get("date")
    if name == "messages_fetched":
        told = f"{event.get('message_count', 0)} messages"
        told += "" if event.get("final", True) else " so far, the day is not final"
    elif name == "fetch_skipped":
        told = f"skipped ({event.get('reason') or 'complete'})"
    else:
        told = str(event.get("error") or "failed without a reason")
    return DayEnd(
        chat=str(event.get("chat") or "?"),
        day=date.fromisoformat(given) if given else None,
        event=str(name),
        told=told,
    )


def recorded_end(chat: str, day: date, ended: OutcomeRecord, kept: Coverage | None) -> DayEnd:
    """Returns how a day ended by what the files say, where no event is published."""
    known = {} if kept is None else {"message_count": kept.message_count, "final": kept.final}
    event = {"event": ended.event, "chat": chat, "date": day.isoformat(), "error": ended.error, **known}
    end = end_of(event)
    if end is None:
        raise FetchError(ErrorType.INTERNAL, f"{ended.event} is no end of a day")
    return end


@dataclass(slots=True)
class Followed:
    """One command and what is known of its days.

    Attributes:
        expected: the days that must end; grows as the plan becomes known.
        all_known: no further day will be added.
        settled: the command is neither queued nor held any more.
        requests: the batches that answer it, as far as they were seen.
    """

    asked: Asked
    expected: set[date] = field(default_factory=set)
    all_known: bool = False
    settled: bool = False
    requests: set[str] = field(default_factory=set)
    ends: dict[date | None, DayEnd] = field(default_factory=dict)

    @property
    def missing(self) -> set[date]:
        """Days without an end."""
        return set() if None in self.ends else self.expected - self.ends.keys()

    @property
    def answered(self) -> bool:
        """True where nothing more can come."""
        return None in self.ends or (self.all_known and not self.missing)

    def see(self, event: Mapping[str, Any]) -> DayEnd | None:
        """Takes in an event of this command; returns the day's end where it is one."""
        end = end_of(event)
        return None if end is None else self.end(end)

    def end(self, end: DayEnd) -> DayEnd:
        """Takes in how a day ended, and returns it."""
        self.ends[end.day] = end
        return end


def days_counted(followed: Iterable[Followed]) -> tuple[int, int]:
    """Returns how many days ended and how many there are, as far as is known."""
    ended = total = 0
    for each in followed:
        ended += len(each.ends)
        total += max(len(each.expected | (each.ends.keys() - {None})), 1)
    return ended, total
