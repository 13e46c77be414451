"""All days that were read, a page at a time, for who goes through them from the first to the last."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import days

PAGE = 500


@dataclass(frozen=True, slots=True)
class ReadDay:
    """A day that was read; `coverage` is None where it is not proved."""

    chat: str
    date: dt.date
    coverage: str | None
    checksum_sha256: str | None
    message_count: int | None


def read_days(ledger: Ledger) -> Iterator[ReadDay]:
    """Yields every day that was read, by chat and date; between two pages no transaction is open."""
    last: tuple[str, dt.date] | None = None
    while True:
        query = (
            sa.select(days.c.chat, days.c.date, days.c.coverage, days.c.checksum_sha256, days.c.message_count)
            .where(days.c.fetched_at.is_not(None))
            .order_by(days.c.chat, days.c.date)
            .limit(PAGE)
        )
        if last is not None:
            query = query.where(sa.tuple_(days.c.chat, days.c.date) > sa.tuple_(*last))
        with ledger.read() as connection:
            page = [ReadDay(*row) for row in connection.execute(query)]
        yield from page
        if len(page) < PAGE:
            return
        last = (page[-1].chat, page[-1].date)
