"""What is counted: measures, written with the thing that they measure, and the totals that they end in.

A measure is a row that is there for a moment: `fold` adds it to its total and removes it, in one transaction.
So nothing is counted twice or lost, whoever is killed, and a look at the totals costs the same with any
history. A cursor over growing numbers would miss what Postgres commits out of their order.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

import orjson
import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Connection, Ledger, now
from tg_fetcher_dagster.ledger.tables import measures, totals
from tg_fetcher_dagster.ledger.upsert import insert_into
from tg_fetcher_dagster.metrics.kinds import Metric


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that happened.

    Attributes:
        metric: one of `metrics.counted`.
        labels: the values of its labels, in their order.
        value: what a counter grows by; what a histogram saw.
    """

    metric: Metric
    labels: tuple[str, ...] = ()
    value: float = 1.0


def measure(connection: Connection, found: Iterable[Measure]) -> None:
    """Writes what happened, in the transaction in which it happened."""
    at = now()
    rows = [
        {
            "metric": each.metric.name,
            "labels": orjson.dumps(each.labels).decode(),
            "bound": each.metric.bucket_of(each.value) if each.metric.kind == "histogram" else 0.0,
            "value": each.value,
            "at": at,
        }
        for each in found
        if each.value or each.metric.kind == "histogram"
    ]
    if rows:
        connection.execute(sa.insert(measures), rows)


MOST_AT_ONCE = 50_000
"""Measures of one fold: about a quarter of a second, for so long others wait to write in SQLite."""


@dataclass(frozen=True, slots=True)
class Total:
    """What a metric has come to, for one set of labels and one bucket.

    Attributes:
        bound: the bucket's upper bound; 0 for a counter.
        value: the sum of its measures.
        count: how many they were.
    """

    metric: str
    labels: tuple[str, ...]
    bound: float
    value: float
    count: int


def fold(ledger: Ledger, *, limit: int = MOST_AT_ONCE) -> int:
    """Adds the measures that wait to their totals, in one transaction; returns how many they were.

    Several may fold at once: each takes the measures that nobody else has marked.

    Raises:
        FetchError: (storage) the ledger is away.
    """
    own = uuid.uuid4().hex
    with ledger.write() as connection:
        oldest = (
            sa.select(measures.c.seq).where(measures.c.fold.is_(None)).order_by(measures.c.seq).limit(limit)
        )
        if not ledger.is_sqlite:
            oldest = oldest.with_for_update(skip_locked=True)
        marked = connection.execute(
            sa.update(measures).where(measures.c.seq.in_(oldest.scalar_subquery())).values(fold=own)
        ).rowcount
        if not marked:
            return 0
        mine = measures.c.fold == own
        connection.execute(_added(connection, mine))
        connection.execute(sa.delete(measures).where(mine))
        return marked


def _added(connection: Connection, mine: sa.ColumnElement[bool]) -> sa.Executable:
    """The statement that adds measures up by metric, labels and bucket, always in one order (two at once)."""
    by = (measures.c.metric, measures.c.labels, measures.c.bound)
    sums = (
        sa.select(*by, sa.func.sum(measures.c.value), sa.func.count()).where(mine).group_by(*by).order_by(*by)
    )
    insert = insert_into(connection, totals).from_select(
        ["metric", "labels", "bound", "value", "count"], sums
    )
    adding: sa.Executable = insert.on_conflict_do_update(
        index_elements=["metric", "labels", "bound"],
        set_={
            "value": totals.c.value + insert.excluded.value,
            "count": totals.c["count"] + insert.excluded["count"],
        },
    )
    return adding


def read_totals(connection: Connection) -> list[Total]:
    """Returns all totals, by metric, labels and bucket."""
    found = connection.execute(sa.select(totals).order_by(totals.c.metric, totals.c.labels, totals.c.bound))
    return [
        Total(name, tuple(orjson.loads(labels)), bound, value, count)
        for name, labels, bound, value, count in found
    ]


def waiting(connection: Connection) -> int:
    """Returns how many measures stand in no total yet."""
    return connection.execute(sa.select(sa.func.count()).select_from(measures)).scalar_one()
