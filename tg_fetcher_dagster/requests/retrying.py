"""What becomes of a day that a run has left: it waits, is tried again, or is given up. Pure.

Trouble is a state, not a failure: what passes by itself uses up no try (docs/ledger.md, "What a run leaves").
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from tg_fetcher_dagster.errors import ErrorType, FetchError, waits
from tg_fetcher_dagster.ledger.open_asks import OpenAsk

How = Literal["ended", "died", "cancelled", "never_began"]
"""How a run ended: by itself, well or not; killed; by an operator's word; or it was never there."""

FIRST_DELAY: Final = 15.0
LONGEST_DELAY: Final = 900.0
"""Seconds between two tries; the first one doubles up to the longest."""

FIRST_WAIT: Final = 60.0
LONGEST_WAIT: Final = 3_600.0
"""Seconds until a state is looked at again of which nobody knows when it passes."""

LONGEST_BUSY: Final = 300.0
_SOON: Final = frozenset({ErrorType.ACCOUNT_BUSY, ErrorType.TELEGRAM_AWAY})
"""States that somebody looks at more often, since a look costs nothing or is made by one run alone."""

LONGEST_FLOOD: Final = 2 * 86_400.0
"""Seconds; Telegram's longest pauses are a day, and a deadline beyond that is somebody's mistake."""

MAX_WAITS: Final = 24
"""Times that a day waits for a disk or an account that is busy, about a day, before tries are used up."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an open ask.

    Attributes:
        what: `wait` uses up no try, `again` does.
        until: seconds since 1970, for the first two.
        error: why, where that is known; always for the last two.
    """

    what: Literal["wait", "again", "failed", "cancelled"]
    until: float = 0.0
    error: FetchError | None = None


def retry_delay(tries: int, *, chance: Callable[[], float] = random.random) -> float:
    """Returns the seconds before another try: doubled each time, up to a quarter shorter or longer.

    Args:
        tries: how many there were.
        chance: gives a number from 0 to 1, so that what failed together does not come back together.
    """
    return _grown(FIRST_DELAY, tries - 1, LONGEST_DELAY) * (0.75 + chance() / 2)


def fate(
    ask: OpenAsk,
    *,
    how: How,
    now: float,
    max_attempts: int,
    error: FetchError | None = None,
    chance: Callable[[], float] = random.random,
) -> Fate:
    """Returns what becomes of an ask that its run has left open.

    Args:
        ask: with what the run noted of it.
        how: how the run ended.
        now: seconds since 1970.
        max_attempts: further tries after the first one.
        error: why the whole run failed, where it noted nothing of the day.
        chance: see `retry_delay`.
    """
    if how == "cancelled":
        return Fate("cancelled", error=FetchError(ErrorType.CANCELLED, "cancelled by an operator"))
    if how == "never_began":
        return Fate("wait", now + _grown(5.0, ask.waits, 300.0), _noted(ask))
    why = _noted(ask) or error
    until = ask.wait_until if _noted(ask) else until_of(error, now) if error else now
    until = min(until, now + LONGEST_FLOOD)
    if why is not None and _is_state(why, ask, known_end=until > now):
        longest = LONGEST_BUSY if why.error_type in _SOON else LONGEST_WAIT
        return Fate("wait", until if until > now else now + _grown(FIRST_WAIT, ask.waits, longest), why)
    if why is not None and not why.retryable:
        return Fate("failed", error=why)
    if ask.tries >= max_attempts:
        return Fate("failed", error=why or _without_a_word(ask.tries + 1))
    return Fate("again", now + retry_delay(ask.tries + 1, chance=chance), why)


def until_of(error: FetchError, now: float) -> float:
    """Returns from when another try is allowed, where the error says so; else now."""
    if error.retry_at is not None:
        return max(now, error.retry_at.timestamp())
    return now + (error.retry_after or 0.0)


def passes(why: FetchError, *, known_end: bool) -> bool:
    """Returns whether a reason passes by itself; of a failing network only where it is known when."""
    return waits(why.error_type) or (why.error_type is ErrorType.NETWORK and known_end)


def _is_state(why: FetchError, ask: OpenAsk, *, known_end: bool) -> bool:
    """True where the reason passes without anybody's doing, and was not waited for too often."""
    lasts = why.error_type in {ErrorType.STORAGE, ErrorType.NETWORK} and ask.waits >= MAX_WAITS
    return passes(why, known_end=known_end) and not lasts


def _noted(ask: OpenAsk) -> FetchError | None:
    if ask.error_type is None:
        return None
    known = ask.error_type in set(ErrorType)
    return FetchError(
        ErrorType(ask.error_type) if known else ErrorType.INTERNAL, ask.error or "failed without a reason"
    )


def _without_a_word(runs: int) -> FetchError:
    return FetchError(
        ErrorType.INTERNAL,
        f"the run ended without a word on this day, {runs} times (its worker was killed?)",
    )


def _grown(first: float, times: int, longest: float) -> float:
    return float(min(longest, first * 2 ** min(max(times, 0), 20)))
