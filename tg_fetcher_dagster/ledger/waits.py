"""Moments until which something waits, and what a clock that was wrong has left of them."""

from typing import Any, Final

import sqlalchemy as sa

LONGEST: Final = 7 * 86_400.0
"""Seconds; nothing waits for longer (`requests.retrying.LONGEST_FLOOD` is two days). What says more was
written while the clock was ahead, and would wait until the clock comes there again."""


def is_due(until: sa.ColumnElement[Any], now: float) -> sa.ColumnElement[bool]:
    """Returns the condition that what waits until a moment waits no longer.

    Args:
        until: seconds since 1970, never NULL.
        now: likewise.
    """
    return sa.or_(until <= now, until > now + LONGEST)
