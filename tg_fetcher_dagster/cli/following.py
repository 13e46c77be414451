"""Follows commands in the ledger until each of their days has ended, whichever way they were asked for.

The ledger and not the events: what is published while nobody listens is lost, and without Redis there is
nothing to listen to. Redis going away in the meantime stops nothing here.
"""

import time
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime

from tg_fetcher_dagster.accounts.waiting import Wait
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.cli.display import FetchDisplay
from tg_fetcher_dagster.cli.moments import told_moment, told_reason
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.request_progress import (
    DayEnd,
    OpenDays,
    RequestProgress,
    ended_days,
    open_days,
    requests_of_commands,
)

LOOK_SECONDS = 0.5
"""How long after a look the next one follows."""

UNHEARD_SECONDS = 15.0
"""A command that nobody has taken for longer than this has nobody who reads it."""

OVERLAP_SECONDS = 60.0
"""A day that ended may become visible after one that ended a little later: looks overlap by this much."""

NOT_PLANNED = frozenset({"new", "waiting", "unresolved"})
"""States in which a request's days are not known yet (docs/ledger.md)."""


class Follower:
    """Commands that were asked for, until all their days have ended.

    Attributes:
        ends: how days ended, as far as they did, in the order of ending.
    """

    def __init__(
        self,
        ledger: Ledger,
        command_ids: Collection[str],
        display: FetchDisplay,
        *,
        tells_waits: bool = True,
    ) -> None:
        self._ledger = ledger
        self._tells_waits = tells_waits
        self._command_ids = tuple(command_ids)
        self._display = display
        self._since = 0.0
        self._seen: set[tuple[str, str, date | None]] = set()
        self._named: set[str] = set()
        self.ends: list[DayEnd] = []

    def follow(self, *, timeout: float | None = None) -> list[DayEnd]:
        """Returns how each day ended.

        Raises:
            FetchError: (network) the time is over: the commands go on without us; (storage) the ledger
                cannot be read.
        """
        began = time.monotonic()
        while not self.look(waited=time.monotonic() - began):
            if timeout is not None and time.monotonic() - began > timeout:
                raise FetchError(
                    ErrorType.NETWORK,
                    f"not over after {timeout:g} s; the command goes on: tg-fetcher status shows it",
                )
            time.sleep(LOOK_SECONDS)
        return self.ends

    def look(self, *, waited: float = 0.0) -> bool:
        """Looks once, tells what is new, and returns whether everything has ended.

        Args:
            waited: seconds since the commands were given.
        """
        with self._ledger.read() as connection:
            requests = requests_of_commands(connection, self._command_ids)
            ids = [each.request_id for each in requests]
            ended = ended_days(connection, ids, self._since - OVERLAP_SECONDS)
            left = open_days(connection, ids)
        self._take_in(ended)
        self._take_in(_refused(requests, self._seen))
        taken = {each.command_id for each in requests}
        missing = [each for each in self._command_ids if each not in taken]
        unplanned = [each for each in requests if each.state in NOT_PLANNED]
        still_open = sum(each.days for each in left)
        self._display.days(len(self.ends), len(self.ends) + still_open + len(missing) + len(unplanned))
        self._tell_position(left, unplanned)
        if missing and waited > UNHEARD_SECONDS:
            self._display.note("nobody has taken the command yet: is Dagster's daemon running (make dev)?")
        return not (missing or unplanned or still_open)

    def waits_beyond(self, moment: float, *, held_by: Wait | None = None) -> list[str] | None:
        """Returns what is left, a line each, where all of it waits for longer than a moment; else None.

        Args:
            moment: seconds since 1970.
            held_by: why no run is started at all.
        """
        with self._ledger.read() as connection:
            requests = requests_of_commands(connection, self._command_ids)
            left = open_days(connection, [each.request_id for each in requests])
        unplanned = [each for each in requests if each.state in NOT_PLANNED]
        if any(each.batch_state == "running" for each in left):
            return None
        later = [each for each in left if each.wait_until > moment]
        later_requests = [each for each in unplanned if (each.wait_until or 0.0) > moment]
        soon = len(left) + len(unplanned) - len(later) - len(later_requests)
        is_held = held_by is not None and (held_by.until is None or held_by.until > moment)
        if soon and not is_held:
            return None
        now = datetime.now(UTC)
        lines = [position_of(each, now=now) for each in later]
        lines += [_position_of_request(each, now=now) for each in later_requests]
        if soon and held_by is not None:
            until = f" until {told_moment(held_by.until, now=now)}" if held_by.until else ""
            lines.append(f"what is left waits{until}: {held_by.why}")
        return lines

    def _take_in(self, ended: Iterable[DayEnd]) -> None:
        for end in ended:
            key = (end.request_id, end.chat, end.date)
            self._since = max(self._since, end.ended_at)
            if key not in self._seen:
                self._seen.add(key)
                self.ends.append(end)
                self._display.end(end)
                self._tell_name(end.chat)

    def _tell_name(self, chat: str) -> None:
        """Tells once of a chat what is to be known of its names: one that another chat has now."""
        if chat in self._named:
            return
        self._named.add(chat)
        if (notice := IdentityTable(self._ledger).notice(chat)) is not None:
            self._display.note(notice)

    def _tell_position(self, left: list[OpenDays], unplanned: list[RequestProgress]) -> None:
        now = datetime.now(UTC)
        waiting = [each for each in left if each.batch_state is None and each.wait_until > now.timestamp()]
        for each in waiting if self._tells_waits else ():
            self._display.note(position_of(each, now=now))
        if len(waiting) < len(left):
            self._display.now(position_of(left[0], now=now))
        elif not left and unplanned:
            self._display.now(_position_of_request(unplanned[0], now=now))


def position_of(days: OpenDays, *, now: datetime) -> str:
    """Returns in a line where days stand that have not ended."""
    span = f"{days.first}" if days.first == days.last else f"{days.first} to {days.last}"
    about = f"{days.chat} {span}"
    if days.batch_state == "running":
        return f"{about}: being fetched"
    if days.batch_state == "asked":
        return f"{about}: waits for its run"
    if days.wait_until > now.timestamp():
        reason = told_reason(days.error_type, days.error)
        return f"{about}: waits until {told_moment(days.wait_until, now=now)}: {reason}"
    return f"{about}: waits for its turn"


def _position_of_request(request: RequestProgress, *, now: datetime) -> str:
    about = request.spelling or request.chat or "the command"
    if request.wait_until is not None and request.wait_until > now.timestamp():
        reason = told_reason(request.error_type, request.error)
        return f"{about}: waits until {told_moment(request.wait_until, now=now)}: {reason}"
    if request.state == "unresolved":
        return f"{about}: looking it up"
    return f"{about}: taken"


def _refused(
    requests: Iterable[RequestProgress], seen: Collection[tuple[str, str, date | None]]
) -> Iterable[DayEnd]:
    """Requests that ended badly although no day of theirs did."""
    told = {request_id for request_id, _, _ in seen}
    for each in requests:
        if each.state in {"refused", "failed", "cancelled"} and each.request_id not in told:
            yield DayEnd(
                request_id=each.request_id,
                chat=each.spelling or each.chat or "the command",
                date=None,
                end="cancelled" if each.state == "cancelled" else "failed",
                error=each.error,
            )
