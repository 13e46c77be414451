"""Runs that are asked for: few at a time, the most urgent days first, cut only when a run can start.

So what is asked meanwhile joins, few runs do much, and a small ask is never behind a queue of backfills:
what counts against it are only the runs of its own urgency or a higher one.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tg_fetcher_dagster.ledger import batches, requests, startable
from tg_fetcher_dagster.ledger.batches import Batch
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.startable import AskedDay, Startable
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

LATELY: Final = 3_600.0
"""Seconds that the turns of chats look back."""

AT_ONCE: Final = 20
"""Chats whose open days are looked at together: some years of each are some ten thousand rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is asked for around the most urgent days of some chats.

    Attributes:
        order: the chats as their partitions are ordered.
        today: the unfinished day.
        asked: a chat's open days of the same kind.
        requests_a_day: of a chat.
        alone: by the chat of a round's day: the chats of which that day is asked for, and none beside it.
    """

    order: Sequence[str]
    today: dt.date
    asked: Mapping[str, Sequence[AskedDay]]
    requests_a_day: Mapping[str, float]
    alone: Mapping[str, Collection[str]]


def cut_batches(
    ledger: Ledger, *, rules: Rules, order: Sequence[str], now: float, today: dt.date
) -> list[Batch]:
    """Makes the batches whose runs may start now and returns them, in one transaction.

    One chat is read by one run at a time. Of chats that are equally urgent it is the turn of the one that a
    run was asked for longest ago (of those of the last hour), so that whoever asks for much of one chat does
    not keep others waiting; within a chat the order of asking counts.

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
        busy = set(batches.chats_of(flying))
        asked_at = batches.asked_lately(connection, now - LATELY)
        free = [
            each for each in startable.most_urgent(connection, now, only=rules.only) if each.chat not in busy
        ]
        seeds = sorted(free, key=lambda each: (each.priority, asked_at.get(each.chat, 0.0), each.seq))
        # Who carries out its own requests alone does not queue behind runs that it does not start.
        counted = [] if rules.only is not None else [each.priority for each in flying]
        while seeds and (room := _room(seeds[0], counted, rules)):
            some = seeds[: min(room, AT_ONCE)]
            around = _look_around(
                connection, some, [each.chat for each in seeds], order=order, now=now, today=today
            )
            for seed in some:
                if seed.chat in busy or not _room(seed, counted, rules):
                    continue
                batch = _cut(seed, around, busy, now=now)
                made.append(batch)
                counted.append(batch.priority)
                busy.update(batch.chats)
            seeds = [each for each in seeds[len(some) :] if each.chat not in busy]
        batches.put_all(connection, made)
        startable.assign(connection, made, now)
        log_lines.batches_made(connection, made)
    return made


def _room(seed: Startable, counted: Sequence[int], rules: Rules) -> int:
    """How many runs of a day's urgency may be asked for now."""
    return max(0, rules.runs_ahead - sum(priority <= seed.priority for priority in counted))


def _look_around(
    connection: Connection,
    seeds: Sequence[Startable],
    chats: Collection[str],
    *,
    order: Sequence[str],
    now: float,
    today: dt.date,
) -> Surroundings:
    over = [each for each in seeds if each.date < today]
    of_rounds = [each for each in over if each.priority == DAILY]
    return Surroundings(
        order=order,
        today=today,
        asked=startable.around(connection, over, now, before=today),
        requests_a_day=startable.requests_a_day(connection, [each.chat for each in over]),
        alone=startable.alone_on_their_day(connection, of_rounds, chats, now),
    )


def _cut(seed: Startable, around: Surroundings, busy: Collection[str], *, now: float) -> Batch:
    chats: tuple[str, ...] = (seed.chat,)
    days: tuple[dt.date, ...] = (seed.date,)
    if seed.date < around.today:
        days = _days(seed, around)
        if len(days) == 1 and seed.priority == DAILY:
            asked = {chat for chat in around.alone[seed.chat] if chat not in busy}
            chats = neighbours(seed.chat, asked | {seed.chat}, around.order, longest=MAX_CHATS)
    return Batch(
        batch_id=f"fetch-{uuid.uuid4().hex}",
        chats=chats,
        first=days[0],
        last=days[-1],
        today=seed.date >= around.today,
        force=seed.force,
        limit=seed.message_limit,
        strategy="per_day" if seed.strategy == "per_day" and len(days) == 1 else "batch",
        priority=seed.priority,
        asked_at=now,
    )


def _days(seed: Startable, around: Surroundings) -> tuple[dt.date, ...]:
    """The neighbouring days that one run reads with the seed's; `per_day` where nobody else asks for them."""
    asked = around.asked[seed.chat]
    urgent = {each.date for each in asked if each.priority <= seed.priority}
    first, last = stretch_around(seed.date, urgent)
    alone = all(each.only == seed.request_id for each in asked if first <= each.date <= last)
    if seed.strategy == "per_day" and alone:
        return (seed.date,)
    requests_a_day = around.requests_a_day[seed.chat]
    return days_of_run(
        seed.date,
        {each.date for each in asked},
        urgent,
        longest=days_a_run(requests_a_day),
        ahead=days_ahead(requests_a_day),
    )
