"""Commands that were given up. Every function works inside the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Connection, now
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.ledger.tables import dead_letters
from tg_fetcher_dagster.ledger.upsert import insert_into
from tg_fetcher_dagster.metrics.counted import DEAD_LETTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One command that was given up.

    Attributes:
        letter: the original object, with `failed_at`, `error`, `error_type` and `retry_count`.
        mirrored_at: when it was put into the Redis list, too.
    """

    seq: int
    request_id: str
    command_id: str | None
    chat: str | None
    error_type: str
    error: str
    retry_count: int
    failed_at: float
    letter: bytes
    mirrored_at: float | None

    @property
    def letter_id(self) -> str:
        """What it is called: its command's id, else the request's."""
        return self.command_id or self.request_id


_COLUMNS = [dead_letters.c[field.name] for field in fields(DeadLetter)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which letters are meant: all that fit everything that is given.

    Attributes:
        wanted: a command's id, a request's, or the letter's number.
        chat: the chat's key, or its spelling where it has none.
        error_type: the sort.
    """

    wanted: str | None = None
    chat: str | None = None
    error_type: str | None = None

    def clauses(self) -> list[sa.ColumnElement[bool]]:
        """Returns the conditions of a query."""
        clauses: list[sa.ColumnElement[bool]] = [dead_letters.c.removed_at.is_(None)]
        if self.wanted is not None:
            same = [dead_letters.c.command_id == self.wanted, dead_letters.c.request_id == self.wanted]
            if self.wanted.isascii() and self.wanted.isdecimal() and len(self.wanted) < 19:  # noqa: PLR2004
                same.append(dead_letters.c.seq == int(self.wanted))
            clauses.append(sa.or_(*same))
        if self.chat is not None:
            clauses.append(dead_letters.c.chat == self.chat)
        if self.error_type is not None:
            clauses.append(dead_letters.c.error_type == self.error_type)
        return clauses


ALL = Which()


def put(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keeps letters and counts them; a request has one at most, put in the transaction in which it ends."""
    if not rows:
        return
    connection.execute(insert_into(connection, dead_letters).on_conflict_do_nothing(), list(rows))
    measure(connection, [Measure(DEAD_LETTERS, (row["error_type"],)) for row in rows])


def count(connection: Connection, which: Which = ALL) -> int:
    """Returns how many letters there are."""
    query = sa.select(sa.func.count()).select_from(dead_letters).where(*which.clauses())
    return int(connection.execute(query).scalar_one())


def newest(
    connection: Connection, which: Which = ALL, *, limit: int = 50, before: int | None = None
) -> list[DeadLetter]:
    """Returns letters, the newest first; `before` is the number of the last one of the page before."""
    query = sa.select(*_COLUMNS).where(*which.clauses())
    if before is not None:
        query = query.where(dead_letters.c.seq < before)
    return _letters(connection, query.order_by(dead_letters.c.seq.desc()).limit(limit))


def oldest(connection: Connection, which: Which = ALL, *, limit: int = 500) -> list[DeadLetter]:
    """Returns letters, the oldest first."""
    query = sa.select(*_COLUMNS).where(*which.clauses()).order_by(dead_letters.c.seq).limit(limit)
    return _letters(connection, query)


def to_mirror(connection: Connection, limit: int) -> list[DeadLetter]:
    """Returns letters that are not in the Redis list yet, the oldest first."""
    query = sa.select(*_COLUMNS).where(
        dead_letters.c.mirrored_at.is_(None), dead_letters.c.removed_at.is_(None)
    )
    return _letters(connection, query.order_by(dead_letters.c.seq).limit(limit))


def mark_mirrored(connection: Connection, seqs: Collection[int], at: float) -> None:
    """Notes that letters are in the Redis list."""
    if seqs:
        connection.execute(sa.update(dead_letters).where(dead_letters.c.seq.in_(seqs)).values(mirrored_at=at))


def remove(connection: Connection, seqs: Collection[int]) -> int:
    """Removes letters; returns how many were there. Those that Redis shows go once they have left it."""
    if not seqs:
        return 0
    these = (dead_letters.c.seq.in_(seqs), dead_letters.c.removed_at.is_(None))
    gone = connection.execute(sa.delete(dead_letters).where(*these, dead_letters.c.mirrored_at.is_(None)))
    marked = connection.execute(sa.update(dead_letters).where(*these).values(removed_at=now()))
    return gone.rowcount + marked.rowcount


def to_unmirror(connection: Connection, limit: int) -> list[DeadLetter]:
    """Returns letters that were removed and that Redis still shows, the oldest first."""
    query = sa.select(*_COLUMNS).where(dead_letters.c.removed_at.is_not(None))
    return _letters(connection, query.order_by(dead_letters.c.seq).limit(limit))


def forget(connection: Connection, seqs: Collection[int]) -> None:
    """Forgets removed letters that have left Redis."""
    if seqs:
        connection.execute(
            sa.delete(dead_letters).where(
                dead_letters.c.seq.in_(seqs), dead_letters.c.removed_at.is_not(None)
            )
        )


def _letters(connection: Connection, query: sa.Select[Any]) -> list[DeadLetter]:
    return [DeadLetter(**row) for row in connection.execute(query).mappings()]
