"""What must be true after a storm: each day ended once, the files are the truth, nothing is left over."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import orjson
import sqlalchemy as sa

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.requests import OPEN
from tg_fetcher_dagster.ledger.tables import asks, attempts, batches, dead_letters, events, intents, requests
from tg_fetcher_dagster_tests.chaos.commands import Command
from tg_fetcher_dagster_tests.chaos.producer import QUEUE, Producer
from tg_fetcher_dagster_tests.chaos.redis_server import DurableRedis
from tg_fetcher_dagster_tests.chaos.storm import Storm
from tg_fetcher_dagster_tests.consumer import read_day, read_event
from tg_fetcher_dagster_tests.ends import ends_of, told_beside_their_end

ENDS = ("messages_fetched", "fetch_skipped", "fetch_failed")
CLAIMED_BEFORE = 60.0
"""Seconds before a lost one in which a tick may have begun that took commands in it."""

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def left_over(storm: Storm) -> list[str]:
    """Returns what has not come to its end yet, one line each; empty when the deployment rests."""
    settings = storm.deployment.settings
    left: dict[str, int] = {}
    with storm.server.client() as client:
        left["commands in Redis"] = client.llen(QUEUE)
        left["commands in processing"] = client.llen(f"{QUEUE}:processing")
        left["a claim's token"] = client.exists(f"{QUEUE}:claim")
        left["delayed commands shown"] = client.zcard(f"{QUEUE}:delayed")
    with Ledger.open(settings.ledger_location) as ledger, ledger.read() as connection:
        for what, table, where in (
            ("open requests", requests, requests.c.state.in_(OPEN)),
            ("open asks", asks, asks.c.state == "open"),
            ("batches in flight", batches, batches.c.state != "ended"),
            ("intents", intents, sa.true()),
            ("pending events", events, events.c.published_at.is_(None)),
            ("attempts under way", attempts, attempts.c.ended_at.is_(None)),
        ):
            query = sa.select(sa.func.count()).select_from(table).where(where)
            left[what] = int(connection.execute(query).scalar_one())
    with storm.deployment.instance() as instance:
        left["unfinished runs"] = instance.get_runs_count(dg.RunsFilter(statuses=_UNFINISHED))
    return [f"{count} {what}" for what, count in left.items() if count]


def stray_files(storm: Storm) -> list[str]:
    """Returns drafts that nobody will put in a place."""
    data_dir = storm.deployment.data_dir
    return [str(path.relative_to(data_dir)) for path in data_dir.rglob(".*.tmp")]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a storm came to, apart from what is left over.

    Attributes:
        ends: the terminal events of each command and day on the stream (no day: the command made no sense).
        beside: what duplicates' answers say wrongly of those whom an earlier event answered.
        taken: the moments at which the ledger took a command in, by its id; several where it reappeared.
        letters: ids of commands that became dead letters, with the reason.
        repeated: how many commands Redis gave back that had been taken, and that were not done again.
        unseen: days that were fetched and have no materialisation in Dagster.
    """

    ends: Mapping[tuple[str, date | None], Sequence[Mapping[str, Any]]]
    beside: Sequence[str]
    taken: Mapping[str, Sequence[float]]
    letters: Mapping[str, str]
    repeated: int
    unseen: Sequence[str]


def look(storm: Storm) -> Found:
    """Reads what a storm came to."""
    stream = _stream(storm.server)
    ends: dict[tuple[str, date | None], list[Mapping[str, Any]]] = {}
    for (command_id, _, day), told in ends_of(stream).items():
        ends.setdefault((command_id, date.fromisoformat(day) if day else None), []).extend(told)
    taken: dict[str, list[float]] = {}
    with Ledger.open(storm.deployment.settings.ledger_location) as ledger, ledger.read() as connection:
        repeated = 0
        rows = sa.select(requests.c.command_id, requests.c.received_at, requests.c.state)
        for command_id, at, state in connection.execute(rows):
            repeated += state == "repeated"
            if state != "repeated" and command_id:
                taken.setdefault(command_id, []).append(at)
        found = connection.execute(sa.select(dead_letters.c.command_id, dead_letters.c.error))
        letters = {command_id: why for command_id, why in found if command_id}
    fetched = {
        f"{end['chat']}|{end['date']}"
        for each in ends.values()
        for end in each
        if end["event"] == "messages_fetched"
    }
    with storm.deployment.instance() as instance:
        seen = instance.get_materialized_partitions(dg.AssetKey("messages"))
    return Found(
        ends=ends,
        beside=tuple(told_beside_their_end(stream)),
        taken=taken,
        letters=letters,
        repeated=repeated,
        unseen=sorted(fetched - set(seen)),
    )


def _stream(server: DurableRedis) -> list[dict[str, Any]]:
    with server.client() as client:
        entries = [fields[b"event"] for _, fields in client.xrange("tg_events:stream")]
    return [orjson.loads(entry) for entry in entries if read_event(entry).event in ENDS]


def faults_of(asked: Sequence[Command], producer: Producer, found: Found) -> Iterator[str]:
    """Yields what is wrong with the ends of the commands that Redis had acknowledged."""
    yield from found.beside
    for command in asked:
        if command.command_id not in producer.acknowledged:
            continue
        taken = found.taken.get(command.command_id, ())
        if not taken and producer.may_be_lost(command):
            continue
        doubt = producer.may_be_lost(command) or any(_in_doubt(at, producer) for at in taken)
        days: Sequence[date | None] = command.days or (None,)
        for day in days:
            yield from _faults_of_end(command, day, found, doubt=doubt)
        if (command.command_id in found.letters) != (not command.days):
            why = found.letters.get(command.command_id, "none, although it makes no sense")
            yield f"{command.command_id}: dead letter: {why}"


def _faults_of_end(command: Command, day: date | None, found: Found, *, doubt: bool) -> Iterator[str]:
    ends = found.ends.get((command.command_id, day), ())
    name = f"{command.command_id} {command.chat} {day}"
    if not ends or (len(ends) > 1 and not doubt):
        told = [(end["event"], end["event_id"], end["timestamp"]) for end in ends]
        yield f"{name}: {len(ends)} ends, not one: {told}"
    allowed = {"messages_fetched", "fetch_skipped"} if command.days else {"fetch_failed"}
    for end in ends:
        if end["event"] not in allowed:
            yield f"{name}: {end['event']}: {end.get('error')}"


def _in_doubt(taken: float, producer: Producer) -> bool:
    return any(first - CLAIMED_BEFORE <= taken <= last for first, last in producer.windows)


def faults_of_files(storm: Storm, days: set[tuple[str, date]]) -> Iterator[str]:
    """Yields day files that are not what is true of the stand-in's world."""
    truth = {chat["key"]: chat["days"] for chat in storm.sandbox.truth()["chats"].values()}
    for chat, day in sorted(days):
        try:
            read = read_day(storm.deployment.data_dir / chat, day)
        except AssertionError as fault:
            yield str(fault)
            continue
        true = truth[chat].get(str(day), {"messages": []})["messages"]
        for key in ("id", "date", "text", "sender_id"):
            # A message without words has none in the files and empty ones at Telegram.
            if [getattr(each, key) or None for each in read.file.messages] != [
                each[key] or None for each in true
            ]:
                yield f"{chat} {day}: the messages' {key} are not the truth"
        if [[each.id for each in message.comments] for message in read.file.messages] != [
            [each["id"] for each in message.get("comments") or ()] for message in true
        ]:
            yield f"{chat} {day}: the comments are not the truth"
