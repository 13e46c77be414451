"""Which days a command means. Pure: today and what is known of the chat are passed in."""

import datetime as dt
from collections.abc import Container
from dataclasses import dataclass

from tg_fetcher_dagster.days import ONE_DAY
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.requests.command import FetchCommand


@dataclass(frozen=True, slots=True)
class Refused:
    """A day that was asked for and cannot be fetched."""

    day: dt.date
    reason: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """The days that a command means.

    Attributes:
        days: whole days, ascending, without repeats.
        today: the unfinished day, if it was asked for.
        refused: days that were asked for and cannot be fetched, ascending.
        notes: what the requester should know, one line each.
    """

    days: tuple[dt.date, ...] = ()
    today: dt.date | None = None
    refused: tuple[Refused, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def refusal(self) -> FetchError | None:
        """The reason where every day was refused and nothing is left to do."""
        if self.days or self.today or not self.refused:
            return None
        first, last = self.refused[0], self.refused[-1]
        more = f" (and {len(self.refused) - 1} more, to {last.day})" if len(self.refused) > 1 else ""
        return FetchError(ErrorType.VALIDATION, f"{first.day} {first.reason}{more}")


def expand(
    command: FetchCommand,
    *,
    today: dt.date,
    history_start: dt.date,
    first_message: dt.date | None = None,
    final_days: Container[dt.date] = frozenset(),
    first_fetched: dt.date | None = None,
) -> Expansion:
    """Returns the days that a command means.

    Args:
        command: what is asked.
        today: the day that has begun and is not over, in the deployment's zone.
        history_start: the first day that can be fetched.
        first_message: the day of the chat's first message, where it is known (for `full`).
        final_days: the days that are complete (for `incremental`).
        first_fetched: the first day that was ever fetched of the chat (for `incremental`).
    """
    yesterday = today - ONE_DAY
    match command.mode:
        case "full":
            return _full(yesterday, history_start=history_start, first_message=first_message)
        case "incremental":
            return _incremental(
                yesterday, history_start=history_start, final_days=final_days, first_fetched=first_fetched
            )
        case "today":
            asked = [today]
        case "yesterday":
            asked = [yesterday]
        case "date":
            asked = [_given(command.date)]
        case "days":
            asked = _days(today - (command.days or 1) * ONE_DAY, yesterday)
        case "range":
            asked = _days(_given(command.first), _given(command.last))
    return _sorted(asked, today=today, history_start=history_start)


def _full(yesterday: dt.date, *, history_start: dt.date, first_message: dt.date | None) -> Expansion:
    notes: tuple[str, ...] = ()
    if first_message is None or first_message < history_start:
        notes = (f"full starts at HISTORY_START {history_start}, not at the chat's first message",)
    days = _days(max(history_start, first_message or history_start), yesterday)
    if not days:
        notes = (*notes, "no day is over yet between the chat's first message and today")
    return Expansion(days=tuple(days), notes=notes)


def _incremental(
    yesterday: dt.date,
    *,
    history_start: dt.date,
    final_days: Container[dt.date],
    first_fetched: dt.date | None,
) -> Expansion:
    if first_fetched is None:
        note = "nothing was fetched of this chat yet: incremental starts with yesterday"
        return Expansion(days=tuple(_days(max(history_start, yesterday), yesterday)), notes=(note,))
    wanted = _days(max(history_start, first_fetched), yesterday)
    days = tuple(day for day in wanted if day not in final_days)
    return Expansion(days=days, notes=() if days else ("every day to yesterday is complete",))


def _sorted(asked: list[dt.date], *, today: dt.date, history_start: dt.date) -> Expansion:
    days, refused = [], []
    for day in asked:
        if day < history_start:
            refused.append(Refused(day, f"is before HISTORY_START {history_start}"))
        elif day > today:
            refused.append(Refused(day, f"has not begun (today is {today})"))
        elif day < today:
            days.append(day)
    unfinished = today if today in asked and today >= history_start else None
    return Expansion(days=tuple(days), today=unfinished, refused=tuple(refused))


def _days(first: dt.date, last: dt.date) -> list[dt.date]:
    """Every day of `first..last`, ascending; none where `first` is later."""
    return [first + ONE_DAY * number for number in range((last - first).days + 1)]


def _given(day: dt.date | None) -> dt.date:
    """A day that the command's own validation has made sure of."""
    if day is None:
        raise FetchError(ErrorType.INTERNAL, "a command without the day that its mode needs")
    return day
