"""Runs: when each began, when it was last seen, how it ended. Each works inside the caller's transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Connection, now
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.ledger.tables import attempts
from tg_fetcher_dagster.metrics.counted import RUNS

AttemptEnd = Literal["succeeded", "failed", "waits", "cancelled", "died", "ended"]
"""How a run ended. `waits`: a state that passes was in its way; `died`: it was never heard of again; `ended`:
its process ended in order, and what it came to Dagster knows."""

_AT_ONCE = 500
"""Values of one query; SQLite allows 32,766 and plans short lists better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """The runs that are under way on one host, with one account.

    Attributes:
        account: with whose eyes they read; None for those that have not said so yet.
        runs: how many they are.
        heard_of_at: when the quietest of them was last heard of (seconds since 1970).
    """

    host: str
    account: str | None
    runs: int
    heard_of_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One run, as the ledger knows it.

    Attributes:
        heartbeat_at: when it was last heard of (seconds since 1970).
        ended_at: None while it is under way.
    """

    run_id: str
    batch_id: str | None
    host: str
    pid: int
    began_at: float
    heartbeat_at: float
    ended_at: float | None
    end: str | None


_KNOWN = sa.select(*(attempts.c[field.name] for field in fields(Attempt)))


def begin(
    connection: Connection,
    run_id: str,
    *,
    batch_id: str | None,
    host: str,
    pid: int,
    account: str | None = None,
) -> None:
    """Notes that a run has begun; one that begins again (a step's retry) is under way again.

    Args:
        connection: in a transaction.
        run_id: which run.
        batch_id: what it does; None where that is not known yet, or where it fetches no days.
        host: where it runs.
        pid: its process there.
        account: with whose eyes it reads; None where it reads nothing.
    """
    moment = now()
    row = {
        "run_id": run_id,
        "host": host,
        "pid": pid,
        "heartbeat_at": moment,
        "ended_at": None,
        "end": None,
        **({"batch_id": batch_id} if batch_id is not None else {}),
        **({"account": account} if account is not None else {}),
    }
    again = sa.update(attempts).where(attempts.c.run_id == run_id).values(row)
    if not connection.execute(again).rowcount:
        connection.execute(sa.insert(attempts).values(began_at=moment, **row))


def beat(connection: Connection, run_id: str) -> bool:
    """Notes that a run is alive; False where it is no longer under way: somebody has ended it.

    One that could not register yet is alive, too.
    """
    under_way = attempts.c.run_id == run_id, attempts.c.ended_at.is_(None)
    noted = connection.execute(sa.update(attempts).where(*under_way).values(heartbeat_at=now())).rowcount
    return bool(noted) or not of_runs(connection, [run_id])


def end(
    connection: Connection,
    run_id: str,
    *,
    how: AttemptEnd,
    requests: int = 0,
    days_fetched: int = 0,
    days_failed: int = 0,
    error_type: str | None = None,
    error: str | None = None,
) -> bool:
    """Notes and counts what a run came to; False where it had ended before, or never begun."""
    is_first = bool(
        connection.execute(
            sa.update(attempts)
            .where(attempts.c.run_id == run_id, attempts.c.ended_at.is_(None))
            .values(
                ended_at=now(),
                end=how,
                requests=requests,
                days_fetched=days_fetched,
                days_failed=days_failed,
                error_type=error_type,
                error=error,
            )
        ).rowcount
    )
    if is_first:
        measure(connection, [Measure(RUNS, (how,))])
    return is_first


def end_died(connection: Connection, run_ids: Iterable[str]) -> None:
    """Notes and counts that runs have died, of those that nobody has ended."""
    died = sa.update(attempts).where(attempts.c.run_id.in_(list(run_ids)), attempts.c.ended_at.is_(None))
    count = connection.execute(died.values(ended_at=now(), end="died")).rowcount
    measure(connection, [Measure(RUNS, ("died",), value=count)])


def of_runs(connection: Connection, run_ids: Iterable[str]) -> dict[str, Attempt]:
    """Returns what is known of runs; those that never began are not there."""
    wanted = list(run_ids)
    found: dict[str, Attempt] = {}
    for place in range(0, len(wanted), _AT_ONCE):
        rows = connection.execute(_KNOWN.where(attempts.c.run_id.in_(wanted[place : place + _AT_ONCE])))
        found |= {row["run_id"]: Attempt(**row) for row in rows.mappings()}
    return found


def under_way(connection: Connection) -> list[UnderWay]:
    """Returns the runs that have begun and not ended, by host and account."""
    found = connection.execute(
        sa.select(
            attempts.c.host,
            attempts.c.account,
            sa.func.count().label("runs"),
            sa.func.min(attempts.c.heartbeat_at).label("heard_of_at"),
        )
        .where(attempts.c.ended_at.is_(None))
        .group_by(attempts.c.host, attempts.c.account)
    )
    return [UnderWay(**row) for row in found.mappings()]


def forget(connection: Connection, before: float) -> int:
    """Removes runs that ended before a moment; returns how many."""
    return connection.execute(sa.delete(attempts).where(attempts.c.ended_at < before)).rowcount
