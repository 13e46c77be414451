"""Runs that are asked for: few at a time, the most urgent days first, cut only when a run can start.

So what is asked meanwhile joins, few runs do much, and a small ask is never behind a queue of backfills:
what counts against it are only the runs of its own urgency or a higher one.
"""

import datetime as dt
import uuid
from collections.abc import Sequence

from tg_fetcher_dagster.ledger import batches, requests, startable
from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.startable import Startable
from tg_fetcher_dagster.requests import log_lines
from tg_fetcher_dagster.requests.asking import DAILY
from tg_fetcher_dagster.requests.batching import (
    MAX_CHATS,
    days_a_run,
    days_ahead,
    days_of_run,
    neighbours,
    stretch_around,
)
from tg_fetcher_dagster.requests.rules import Rules


def cut_batches(
    ledger: Ledger, *, rules: Rules, order: Sequence[str], now: float, today: dt.date
) -> list[Batch]:
    """Makes the batches whose runs may start now and returns them.

    Args:
        ledger: where the asks stand.
        rules: how many runs are asked for ahead, and for whom.
        order: the chats as their partitions are ordered.
        now: seconds since 1970.
        today: the unfinished day, which is read by runs of its own.
    """
    made: list[Batch] = []
    with ledger.write() as connection:
        requests.lock_planning(connection)
        flying = batches.in_flight(connection)
        while True:
            busy = batches.chats_of((*flying, *made))
            seed = startable.most_urgent(connection, now, busy=busy, only=rules.only)
            if seed is None:
                break
            # Who carries out its own requests alone does not queue behind runs that it does not start.
            counted = made if rules.only is not None else (*flying, *made)
            ahead = sum(each.priority <= seed.priority for each in counted)
            if ahead >= rules.runs_ahead:
                break
            made.append(_cut(connection, seed, busy=busy, order=order, now=now, today=today))
    return made


def _cut(
    connection: Connection,
    seed: Startable,
    *,
    busy: frozenset[str],
    order: Sequence[str],
    now: float,
    today: dt.date,
) -> Batch:
    chats: tuple[str, ...] = (seed.chat,)
    days: tuple[dt.date, ...] = (seed.date,)
    if seed.date < today:
        days = _days(connection, seed, now=now, today=today)
        if len(days) == 1 and seed.priority == DAILY:
            asked = startable.alone_on(connection, seed, now) - busy
            chats = neighbours(seed.chat, asked | {seed.chat}, order, longest=MAX_CHATS)
    batch = Batch(
        batch_id=f"fetch-{uuid.uuid4().hex}",
        chats=chats,
        first=days[0],
        last=days[-1],
        today=seed.date >= today,
        force=seed.force,
        limit=seed.message_limit,
        strategy="per_day" if seed.strategy == "per_day" and len(days) == 1 else "batch",
        priority=seed.priority,
        asked_at=now,
    )
    batches.put(connection, batch)
    startable.assign(
        connection,
        batch.batch_id,
        chats=chats,
        first=batch.first,
        last=batch.last,
        force=batch.force,
        limit=batch.limit,
        now=now,
    )
    log_lines.batch_made(connection, batch)
    return batch


def _days(connection: Connection, seed: Startable, *, now: float, today: dt.date) -> tuple[dt.date, ...]:
    """The neighbouring days that one run reads with the seed's; `per_day` where nobody else asks for them."""
    asked = startable.of_chat(connection, seed, now, before=today)
    urgent = {each.date for each in asked if each.priority <= seed.priority}
    first, last = stretch_around(seed.date, urgent)
    alone = all(each.only == seed.request_id for each in asked if first <= each.date <= last)
    if seed.strategy == "per_day" and alone:
        return (seed.date,)
    requests_a_day = startable.requests_a_day(connection, seed.chat)
    return days_of_run(
        seed.date,
        {each.date for each in asked},
        urgent,
        longest=days_a_run(requests_a_day),
        ahead=days_ahead(requests_a_day),
    )
