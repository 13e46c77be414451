"""How many commands one requester may have planned in a minute; more of them wait for their turn.

A sliding window of the library `limits`, in this process's memory: a restart forgets it, which lets somebody
through early, and loses nothing.
"""

from functools import cache
from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

_NAMESPACE: Final = "commands"


WINDOW: Final = 60.0
"""Seconds that the window looks back: no turn is further away."""


class Turns:
    """Whose turn it is, by `requested_by`."""

    def __init__(self) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def take(self, requester: str, a_minute: int) -> float | None:
        """Takes a turn; returns None, or the moment when the next one is free (seconds since 1970).

        Args:
            requester: whose.
            a_minute: turns in a minute; 0: no limit.
        """
        if a_minute <= 0:
            return None
        allowed = RateLimitItemPerMinute(a_minute, namespace=_NAMESPACE)
        if self._window.hit(allowed, requester):
            return None
        return float(self._window.get_window_stats(allowed, requester).reset_time)


@cache
def turns_of_process() -> Turns:
    """Returns the window that all ticks of this process share."""
    return Turns()
