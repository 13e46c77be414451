"""Days whose sealed files are being put into their places (`fetching.committing` says what an intent holds).

Every function works inside the caller's transaction.
"""

import datetime as dt

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.tables import intents
from tg_fetcher_dagster.ledger.upsert import insert_into


def put(connection: sa.Connection, chat: str, day: dt.date, *, intent_id: str, intent: str) -> bool:
    """Keeps an intent; False where there is one: a chat and day has one at a time."""
    row = {"chat": chat, "date": day, "intent_id": intent_id, "began_at": now(), "intent": intent}
    statement = (
        insert_into(connection, intents).values(**row).on_conflict_do_nothing().returning(intents.c.intent_id)
    )
    return connection.execute(statement).first() is not None


def of_day(connection: sa.Connection, chat: str, day: dt.date) -> str | None:
    """Returns the intent of a day; None where no day is on its way."""
    return connection.execute(
        sa.select(intents.c.intent).where(intents.c.chat == chat, intents.c.date == day)
    ).scalar_one_or_none()


def left(
    connection: sa.Connection, *, chat: str | None = None, before: float | None = None, limit: int = 100
) -> list[tuple[str, dt.date]]:
    """Returns days on their way, the oldest first.

    Args:
        connection: in a transaction.
        chat: only this chat's.
        before: only those that began before that moment.
        limit: so many at most.
    """
    query = sa.select(intents.c.chat, intents.c.date).order_by(intents.c.began_at).limit(limit)
    if chat is not None:
        query = query.where(intents.c.chat == chat)
    if before is not None:
        query = query.where(intents.c.began_at < before)
    return [(of, day) for of, day in connection.execute(query)]


def end(connection: sa.Connection, chat: str, day: dt.date, intent_id: str | None = None) -> bool:
    """Removes a day's intent, of one id or whichever it is; False where it is not there any more."""
    query = sa.delete(intents).where(intents.c.chat == chat, intents.c.date == day)
    if intent_id is not None:
        query = query.where(intents.c.intent_id == intent_id)
    return bool(connection.execute(query).rowcount)
