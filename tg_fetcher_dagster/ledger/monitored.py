"""What `tg-fetcher monitor` asks again and again of what is under way; each query is one over an index.

Every function works inside the caller's transaction. What is known of chats' days stands in `monitored_days`.
"""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.requests import OPEN
from tg_fetcher_dagster.ledger.tables import (
    accounts,
    asks,
    batches,
    chats,
    days,
    dead_letters,
    events,
    requests,
)

COMMANDS: Final = ("redis", "spool", "cli")
"""Sources of asks that somebody waits for."""

BELIEVED_SECONDS: Final = 7 * 86_400.0
"""How much older than its arrival a command may say that it is; a wrong clock would be a wait of years."""

MOST_COUNTED: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDays:
    """Days that are asked for and have not ended; a day that several asked for counts as often."""

    ready: int
    running: int
    delayed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OldestCommands:
    """When the oldest command of each sort was pushed, seconds since 1970; None where there is none.

    Attributes:
        planned: of those that were taken in and that no run has begun with.
        running: of those whose days a run reads now.
    """

    planned: float | None
    running: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKnown:
    """What the ledger knows of an account; `floods` is JSON (`ledger.accounts.AccountRow`)."""

    name: str
    user_id: int | None
    quarantine_reason: str | None
    floods: str


def open_requests_by_state(connection: sa.Connection) -> dict[str, int]:
    """Returns how many requests have not ended, by their state."""
    found = connection.execute(
        sa.select(requests.c.state, sa.func.count())
        .where(requests.c.state.in_(OPEN))
        .group_by(requests.c.state)
    )
    return {**dict.fromkeys(OPEN, 0), **dict(found.all())}


def open_days(connection: sa.Connection, at: float) -> OpenDays:
    """Returns how many days are asked for, by whether anything keeps them from being read at a moment."""
    is_open = asks.c.state == "open"
    waits = sa.case((asks.c.wait_until > at, 1), else_=0)
    to_start = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(waits), 0)).where(
        is_open, asks.c.batch_id.is_(None)
    )
    total, delayed = connection.execute(to_start).one()
    everything = sa.select(sa.func.count()).select_from(asks).where(is_open)
    return OpenDays(
        ready=total - delayed,
        running=connection.execute(everything).scalar_one() - total,
        delayed=int(delayed),
    )


def oldest_commands(connection: sa.Connection) -> OldestCommands:
    """Returns since when the oldest commands wait, and are worked on."""
    of_commands = requests.c.source.in_(COMMANDS), requests.c.state.in_(OPEN)
    began = (
        sa.exists()
        .where(asks.c.request_id == requests.c.request_id)
        .where(sa.or_(asks.c.batch_id.is_not(None), asks.c.state != "open"))
    )
    running = (
        sa.select(sa.func.min(_pushed_at()))
        .select_from(batches)
        .join(asks, asks.c.batch_id == batches.c.batch_id)
        .join(requests, requests.c.request_id == asks.c.request_id)
        .where(batches.c.state == "running", asks.c.state == "open", *of_commands)
    )
    planned = sa.select(sa.func.min(_pushed_at())).where(*of_commands, ~began)
    return OldestCommands(
        planned=connection.execute(planned).scalar_one(), running=connection.execute(running).scalar_one()
    )


def _pushed_at() -> sa.ColumnElement[float]:
    """When a command was pushed by its own timestamp, where that can be."""
    waited = requests.c.received_at - requests.c.requested_at
    return sa.case(
        (waited.between(0.0, BELIEVED_SECONDS), requests.c.requested_at), else_=requests.c.received_at
    )


def oldest_pending_event(connection: sa.Connection) -> float | None:
    """Returns when the first event was recorded that nobody was told of yet, seconds since 1970."""
    return connection.execute(
        sa.select(events.c.recorded_at)
        .where(events.c.published_at.is_(None), events.c.set_aside_at.is_(None))
        .order_by(events.c.seq)
        .limit(1)
    ).scalar_one_or_none()


def kept_dead_letters(connection: sa.Connection) -> int:
    """Returns how many commands were given up and wait for a person."""
    every = sa.select(sa.func.count()).select_from(dead_letters)
    gone = every.where(dead_letters.c.removed_at > 0)  # that of a small index; the rest is counted in another
    return connection.execute(every).scalar_one() - connection.execute(gone).scalar_one()


def given_up_days(connection: sa.Connection) -> int:
    """Returns how many days nobody tries any more; counted up to 100,000."""
    some = sa.select(days.c.date).where(days.c.given_up_at > 0).limit(MOST_COUNTED)
    return connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one()


def known_accounts(connection: sa.Connection) -> list[AccountKnown]:
    """Returns what is known of each account, by name."""
    found = connection.execute(
        sa.select(
            accounts.c.name, accounts.c.user_id, accounts.c.quarantine_reason, accounts.c.floods
        ).order_by(accounts.c.name)
    )
    return [AccountKnown(**row) for row in found.mappings()]


def chat_states(connection: sa.Connection) -> dict[str, str]:
    """Returns whether each chat that is kept is `read`, `paused` or `refused`, by key."""
    state = sa.case((chats.c.paused, "paused"), (chats.c.refused_type.is_not(None), "refused"), else_="read")
    found = connection.execute(sa.select(chats.c.key, state).where(chats.c.forgotten_at.is_(None)))
    return dict(found.all())
