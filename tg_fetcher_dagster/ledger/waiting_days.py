"""Open days that no run reads now, counted for a line of words; in the caller's transaction."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.tables import asks

MOST: Final = 1_000
"""Days that are looked at, whatever waits: a tick says it every few seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDays:
    """What waits.

    Attributes:
        ready: days that may begin.
        later: days that are put off.
        chats: whose days are put off.
        until: when the first of those may begin; seconds since 1970.
        why: what it waits for, where that is known.
        more: there are further days than were looked at.
    """

    ready: int = 0
    later: int = 0
    chats: int = 0
    until: float | None = None
    why: str | None = None
    more: bool = False


def waiting_days(connection: sa.Connection, now: float, *, most: int = MOST) -> WaitingDays:
    """Returns how many days wait, the most urgent thousand at most: one query over a small index."""
    found = connection.execute(
        sa.select(asks.c.chat, asks.c.wait_until, asks.c.error)
        .where(asks.c.state == "open", asks.c.batch_id.is_(None))
        .order_by(asks.c.priority, asks.c.seq, asks.c.date)
        .limit(most + 1)
    ).all()
    looked_at = found[:most]
    later = [each for each in looked_at if each.wait_until > now]
    first = min(later, key=lambda each: each.wait_until, default=None)
    return WaitingDays(
        ready=len(looked_at) - len(later),
        later=len(later),
        chats=len({each.chat for each in later}),
        until=first.wait_until if first is not None else None,
        why=first.error if first is not None else None,
        more=len(found) > most,
    )
