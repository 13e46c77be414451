"""What is counted: measures, written with the thing that they measure, and the totals that they end in.

A measure is a row that is there for a moment: `fold` adds it to its total and removes it, in one transaction.
So nothing is counted twice or lost, whoever is killed, and a look at the totals costs the same with any
history. A cursor over growing numbers would miss what Postgres commits out of their order.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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


LONGEST_LABEL = 64
"""Characters of a label's value, as long as a chat's key: what is longer no total would take."""


def measure(connection: Connection, found: Iterable[Measure]) -> None:
    """Writes what happened, in the transaction in which it happened; what is of one sort as one row.

    A time that a clock has made negative, or that no number tells, counts as 0: no total runs backwards.
    """
    rows: dict[tuple[str, tuple[str, ...], float], dict[str, Any]] = {}
    at = now()
    for each in found:
        value = each.value if 0 < each.value < math.inf else 0.0
        is_histogram = each.metric.kind == "histogram"
        if not value and not is_histogram:
            continue
        bound = each.metric.bucket_of(value) if is_histogram else 0.0
        row = rows.get((each.metric.name, each.labels, bound))
        if row is None:
            rows[each.metric.name, each.labels, bound] = {
                "metric": each.metric.name,
                "labels": orjson.dumps([label[:LONGEST_LABEL] for label in each.labels]).decode(),
                "bound": bound,
                "count": 1,
                "value": value,
                "at": at,
            }
        else:
            row["count"] += 1
            row["value"] += value
    if rows:
        connection.execute(sa.insert(measures), list(rows.values()))


MOST_AT_ONCE = 50_000
"""Rows of one fold: a tenth of a second in SQLite, where others wait so long to write; four in Postgres."""


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
    """Adds the measures that wait to their totals, in one transaction; returns how many rows they were.

    Several may fold at once: SQLite lets one of them write, and in Postgres each takes what no other has
    locked.

    Raises:
        FetchError: (storage) the ledger is away.
    """
    with ledger.write() as connection:
        return (
            _fold_in_a_file(connection, limit) if ledger.is_sqlite else _fold_on_a_server(connection, limit)
        )


def _fold_in_a_file(connection: Connection, limit: int) -> int:
    """Takes all up to a number: nobody else writes meanwhile, so no smaller one can come."""
    oldest = sa.select(measures.c.seq).order_by(measures.c.seq).limit(limit).subquery()
    last = connection.execute(sa.select(sa.func.max(oldest.c.seq))).scalar_one()
    if last is None:
        return 0
    connection.execute(_added(connection, sa.select(measures).where(measures.c.seq <= last).subquery()))
    return connection.execute(sa.delete(measures).where(measures.c.seq <= last)).rowcount


def _fold_on_a_server(connection: Connection, limit: int) -> int:
    """Removes and adds in one statement: what others add or take meanwhile is neither lost nor met."""
    oldest = sa.select(measures.c.seq).order_by(measures.c.seq).limit(limit).with_for_update(skip_locked=True)
    taken = sa.delete(measures).where(measures.c.seq.in_(oldest.scalar_subquery()))
    gone = taken.returning(measures).cte("taken")
    added = _added(connection, gone).cte("added")
    return connection.execute(sa.select(sa.func.count()).select_from(gone).add_cte(added)).scalar_one()


def _added(connection: Connection, taken: sa.FromClause) -> Any:  # noqa: ANN401 - of either database
    """The statement that adds measures up by metric, labels and bucket, always in one order (two at once)."""
    by = (taken.c.metric, taken.c.labels, taken.c.bound)
    sums = (
        sa.select(*by, sa.func.sum(taken.c.value), sa.func.sum(taken.c["count"]))
        .where(sa.true())  # else SQLite takes the conflict's ON for a join's (sqlite.org, "UPSERT", 2.2)
        .group_by(*by)
        .order_by(*by)
    )
    insert = insert_into(connection, totals).from_select(
        ["metric", "labels", "bound", "value", "count"], sums
    )
    return insert.on_conflict_do_update(
        index_elements=["metric", "labels", "bound"],
        set_={
            "value": totals.c.value + insert.excluded.value,
            "count": totals.c["count"] + insert.excluded["count"],
        },
    )


def read_totals(connection: Connection) -> list[Total]:
    """Returns all totals, by metric, labels and bucket; what stands in none yet is added.

    One statement, and so one moment: whoever folds meanwhile, nothing is counted twice or left out.
    """
    columns = ("metric", "labels", "bound", "value", "count")
    every = sa.union_all(
        sa.select(*(totals.c[name] for name in columns)), sa.select(*(measures.c[name] for name in columns))
    ).subquery()
    by = (every.c.metric, every.c.labels, every.c.bound)
    found = connection.execute(
        sa.select(*by, sa.func.sum(every.c.value), sa.func.sum(every.c["count"])).group_by(*by).order_by(*by)
    )
    return [
        Total(name, tuple(orjson.loads(labels)), bound, value, int(count))
        for name, labels, bound, value, count in found
    ]


def waiting(connection: Connection, at_most: int | None = None) -> int:
    """Returns how many rows stand in no total yet; it counts no further than `at_most`."""
    first = sa.select(measures.c.seq).limit(at_most).subquery()
    return connection.execute(sa.select(sa.func.count()).select_from(first)).scalar_one()
