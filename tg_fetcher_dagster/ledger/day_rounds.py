"""Days that daily rounds ask for: which, and when one is given up. Works inside the caller's transaction."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Final

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Connection, now
from tg_fetcher_dagster.ledger.planning import ChatDay
from tg_fetcher_dagster.ledger.tables import asks, days, requests
from tg_fetcher_dagster.ledger.upsert import insert_into

ROUNDS: Final = 3
"""Failed rounds after which a day is given up until somebody reopens it."""


def count_failed(connection: Connection, failed: Mapping[ChatDay, tuple[str, str]]) -> None:
    """Counts a round that failed, with its sort and reason, and gives days up that have failed too often."""
    if not failed:
        return
    moment = now()
    insert = insert_into(connection, days)
    rounds = days.c.failed_rounds + 1
    counting = insert.on_conflict_do_update(
        index_elements=["chat", "date"],
        set_={
            "failed_rounds": rounds,
            "given_up_at": sa.case((rounds >= ROUNDS, moment)),
            **{name: insert.excluded[name] for name in ("error_type", "error", "updated_at")},
        },
    )
    rows = [
        {
            "chat": chat,
            "date": day,
            "failed_rounds": 1,
            "error_type": error_type,
            "error": error,
            "updated_at": moment,
        }
        for (chat, day), (error_type, error) in sorted(failed.items())
    ]
    connection.execute(counting, rows)


def reopen(connection: Connection, chat: str | None = None) -> list[ChatDay]:
    """Takes back that days were given up; returns which."""
    given_up: list[sa.ColumnElement[bool]] = [days.c.given_up_at.is_not(None)]
    if chat is not None:
        given_up.append(days.c.chat == chat)
    found = connection.execute(
        sa.select(days.c.chat, days.c.date).where(*given_up).order_by(days.c.chat, days.c.date)
    )
    reopened = [(key, day) for key, day in found]
    connection.execute(
        sa.update(days).where(*given_up).values(given_up_at=None, failed_rounds=0, updated_at=now())
    )
    return reopened


def over(
    connection: Connection, chats: Collection[str], first: dt.date, last: dt.date, *, moment: float
) -> dict[str, set[dt.date]]:
    """Returns the days of chats, in a range, that a round passes over: settled, not due yet, or given up."""
    found = connection.execute(
        sa.select(days.c.chat, days.c.date).where(
            days.c.chat.in_(chats),
            days.c.date >= first,
            days.c.date <= last,
            sa.or_(
                days.c.given_up_at.is_not(None),
                days.c.due_at > moment,
                sa.and_(days.c.settled, days.c.due_at.is_(None)),
            ),
        )
    )
    passed: dict[str, set[dt.date]] = {}
    for chat, day in found:
        passed.setdefault(chat, set()).add(day)
    return passed


def asked_already(connection: Connection, chats: Collection[str]) -> dict[str, set[dt.date]]:
    """Returns the days of chats that an earlier round has asked for and that have not ended."""
    found = connection.execute(
        sa.select(asks.c.chat, asks.c.date)
        .join(requests, requests.c.request_id == asks.c.request_id)
        .where(asks.c.state == "open", asks.c.chat.in_(chats), requests.c.source.in_(("schedule", "heal")))
    )
    asked: dict[str, set[dt.date]] = {}
    for chat, day in found:
        asked.setdefault(chat, set()).add(day)
    return asked
