"""How a run begins and ends in the ledger: every run of days belongs to a batch, whoever started it.

A run that was asked for here takes its batch: the first one to do so owns it. A run that somebody launched
in the UI, a backfill or a re-execution becomes a request of its own, and is then like any other.
"""

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import attempts, batches, requests
from tg_fetcher_dagster.ledger.attempts import AttemptEnd
from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.ledger.database import Connection, Ledger, now
from tg_fetcher_dagster.ledger.measures import Measure, measure
from tg_fetcher_dagster.ledger.startable import join_waiting
from tg_fetcher_dagster.metrics.counted import RETRIES
from tg_fetcher_dagster.requests import log_lines
from tg_fetcher_dagster.requests.asking import DAILY, NewRequest, ask
from tg_fetcher_dagster.requests.hops import hops_to_the_start

NAMED: Final = 5
"""Chats that a refusal names."""

_UI: Final = "ui-"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredRun:
    """A run that has begun.

    Attributes:
        batch_id: what it does: the `request_id` of its days' events.
        asked_here: False for a run of the UI, which became a request of its own.
        first: the oldest day that was asked for: of "today" the day that it was then.
        daily: it belongs to a daily round.
    """

    run_id: str
    batch_id: str
    asked_here: bool
    first: date
    daily: bool = False


def ui_batch_id(run_id: str) -> str:
    """Returns the batch, and the request, that a run of the UI becomes."""
    return f"{_UI}{run_id}"


def run_of_batch(batch_id: str | None) -> str | None:
    """Returns the run that a batch's id names: one of the UI does; None for any other."""
    return batch_id.removeprefix(_UI) if batch_id is not None and batch_id.startswith(_UI) else None


def is_asked_here(batch_id: str | None, parent_run_id: str | None) -> bool:
    """True for a run that the reconciler asked for; a re-execution only keeps such a run's config."""
    return batch_id is not None and parent_run_id is None


def begin_run(
    ledger: Ledger,
    *,
    run_id: str,
    batch_id: str | None,
    parent_run_id: str | None,
    chats: Mapping[str, tuple[date, ...]],
    today: bool = False,
    force: bool = False,
    limit: int | None = None,
    host: str | None = None,
    pid: int | None = None,
    account: str | None = None,
) -> RegisteredRun:
    """Registers a run that begins; a step of the same run that is tried again registers as the same.

    Args:
        ledger: where it is kept.
        run_id: the run's own id.
        batch_id: as its config says; None where nobody here asked for it.
        parent_run_id: the run that it re-executes.
        chats: the days of each chat.
        today: the days are unfinished ones (asset `messages_today`).
        force: read days again that are complete.
        limit: at most so many messages a day.
        host: where it runs; None for this host.
        pid: its process; None for this one.
        account: with whose eyes it reads.

    Raises:
        FetchError: (validation) another run does this batch, or it has ended, or it asks for other chats:
            nothing is to be read.
    """
    asked_here = is_asked_here(batch_id, parent_run_id)
    batch = batch_id if asked_here and batch_id is not None else ui_batch_id(run_id)
    with ledger.write() as connection:
        before = batches.find(connection, batch)
        if before is not None and (others := sorted(chats.keys() - set(before.chats))):
            raise FetchError(ErrorType.VALIDATION, _of_others(batch, others))
        if before is None and not asked_here:
            _ask(connection, run_id, chats=chats, today=today, force=force, limit=limit)
        elif not batches.begin(connection, batch, run_id, now()):
            raise FetchError(ErrorType.VALIDATION, _why_not(batch, before, asked_here=asked_here))
        elif before is not None and before.run_id == run_id:
            measure(connection, [Measure(RETRIES, ("step",))])
        else:
            planned = requests.planned_for(connection, batch)
            measure(connection, hops_to_the_start(planned, now=now()))
        attempts.begin(
            connection,
            run_id,
            batch_id=batch,
            host=host or _host(),
            pid=pid or os.getpid(),
            account=account,
        )
        if before is None or before.state == "asked":
            log_lines.run_began(
                connection, run_id, batch, chats=list(chats), days=sum(map(len, chats.values()))
            )
    first = before.first if before is not None else min(min(days) for days in chats.values())
    daily = before is not None and before.priority == DAILY
    return RegisteredRun(run_id=run_id, batch_id=batch, asked_here=asked_here, first=first, daily=daily)


def ask_for_run(
    ledger: Ledger,
    *,
    run_id: str,
    chats: Mapping[str, tuple[date, ...]],
    today: bool,
    force: bool,
    limit: int | None,
) -> str:
    """Registers what a run of the UI asked for that never came to do so itself; returns its batch."""
    with ledger.write() as connection:
        return _ask(connection, run_id, chats=chats, today=today, force=force, limit=limit)


def _ask(
    connection: Connection,
    run_id: str,
    *,
    chats: Mapping[str, tuple[date, ...]],
    today: bool,
    force: bool,
    limit: int | None,
) -> str:
    batch_id = ui_batch_id(run_id)
    at = now()
    request = NewRequest(
        request_id=batch_id,
        source="ui",
        days=chats,
        force=force,
        limit=limit,
        requested_by="dagster",
        run_id=run_id,
    )
    batch = Batch(
        batch_id=batch_id,
        chats=tuple(chats),
        first=min(min(days) for days in chats.values()),
        last=max(max(days) for days in chats.values()),
        today=today,
        force=force,
        limit=limit,
        state="running",
        run_id=run_id,
        asked_at=at,
    )
    batches.put(connection, batch)
    ask(connection, request, now=at, batch_id=batch_id)
    join_waiting(connection, batch_id, chats=chats, force=force, limit=limit)
    return batch_id


def begin_process(ledger: Ledger, run_id: str) -> None:
    """Notes that a run's process is there, before its step has said which days it fetches, or that none."""
    with ledger.write() as connection:
        attempts.begin(connection, run_id, batch_id=None, host=_host(), pid=os.getpid())


def _host() -> str:
    return socket.gethostname()[:128]


def _why_not(batch_id: str, found: Batch | None, *, asked_here: bool) -> str:
    if found is None:
        return (
            f"batch {batch_id} is not in the ledger: launch the run without batch_id to ask for its days anew"
        )
    if found.state == "running":
        return f"run {found.run_id} does batch {batch_id} already: this run reads nothing"
    how = "launch the run without batch_id" if asked_here else "launch it again"
    return f"batch {batch_id} has ended: this run reads nothing; {how} to ask for its days anew"


def _of_others(batch_id: str, chats: Sequence[str]) -> str:
    """A range of partitions has other chats in it once their order has changed while the run was queued."""
    named = ", ".join(chats[:NAMED]) + (f" and {len(chats) - NAMED} more" if len(chats) > NAMED else "")
    return (
        f"batch {batch_id} asks for other chats than this run's partitions: {named}; this run reads nothing,"
        " another one is asked for"
    )


def heartbeat(ledger: Ledger, run_id: str, *, measures: Iterable[Measure] = ()) -> bool:
    """Notes that a run is alive, and what it has counted since its last heartbeat.

    Returns:
        False where its batch was ended meanwhile, so that it must stop.
    """
    with ledger.write() as connection:
        measure(connection, measures)
        return attempts.beat(connection, run_id)


def end_run(
    ledger: Ledger,
    run_id: str,
    *,
    end: AttemptEnd,
    requests: int = 0,
    days_fetched: int = 0,
    days_failed: int = 0,
    error: FetchError | None = None,
    measures: Iterable[Measure] = (),
) -> bool:
    """Notes what a run came to, and what it has counted; False where it was ended before."""
    with ledger.write() as connection:
        measure(connection, measures)
        found = attempts.of_runs(connection, [run_id]).get(run_id)
        told: dict[str, Any] = {
            "requests": requests,
            "days_fetched": days_fetched,
            "days_failed": days_failed,
            "error_type": error.error_type.value if error else None,
            "error": error.message if error else None,
        }
        mine = attempts.end(connection, run_id, how=end, **told)
        if mine and found is not None:
            log_lines.run_ended(connection, found, end, told)
        return mine
