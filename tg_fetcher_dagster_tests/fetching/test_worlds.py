"""Worlds that hypothesis builds: each message of the truth is in its day's file or in that day's losses.

Order broken around midnight, dates equal, zero or old, pages cut short or sent without some of their
messages, counts that lie, and posts and deletions between two pages.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from telethon.tl import types

from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster_tests.consumer import read_day, read_event
from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between

DAYS = days_between("2025-11-04", "2025-11-08")
START = datetime(2025, 11, 4, tzinfo=UTC)
WORLDS = 1000
EXAMPLES = os.environ.get("WORLDS")
"""So many worlds are built at random; without it the same few each time."""

CHATS: dict[str, Any] = {}
for place in range(WORLDS):
    kind = ("supergroup", "channel", "group")[place % 3]
    CHATS[f"w{place}"] = {"type": kind, "messages_per_day": 0, "members": 3}
    if kind != "group":
        CHATS[f"w{place}"]["username"] = f"world_{place}"
SCENARIO = {"days": {"from": "2025-11-01", "to": "2025-11-08"}, "chats": CHATS}


@dataclass(frozen=True)
class Trouble:
    """What goes wrong between the pages.

    Attributes:
        short: at most so many messages a page.
        count: what every page says that the chat has.
        no_offset: no page says how many stand above it.
        drop: places of one page that are missing, once.
        after: so many pages pass before that, and before what others do meanwhile.
        deleted: a message that is deleted then, counted from the oldest.
        posted: messages that are written then.
    """

    short: int | None
    count: int | None
    no_offset: bool
    drop: tuple[int, int] | None
    after: int
    deleted: int | None
    posted: int


troubles = st.builds(
    Trouble,
    short=st.none() | st.integers(12, 100),
    count=st.none() | st.integers(1, 400),
    no_offset=st.booleans(),
    drop=st.none() | st.tuples(st.integers(0, 99), st.integers(1, 60)),
    after=st.integers(0, 4),
    deleted=st.none() | st.integers(0, 250),
    posted=st.integers(0, 3),
)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, datetime | int]]:
    """Messages in the order of their ids, with the dates that they have."""
    size = draw(st.integers(0, 260))
    minutes = sorted(draw(st.lists(st.integers(0, 5 * 24 * 60 - 1), min_size=size, max_size=size)))
    moments: list[datetime | int] = [START + timedelta(minutes=minute) for minute in minutes]
    for place in draw(st.lists(st.integers(0, max(0, size - 2)), max_size=6)):
        if size > 1:  # two neighbours change places, as seconds around midnight may
            moments[place], moments[place + 1] = moments[place + 1], moments[place]
    odd = st.just(0) | st.integers(0, 4 * 24 * 60 - 1).map(lambda minute: START + timedelta(minutes=minute))
    for place in draw(st.lists(st.integers(0, max(0, size - 1)), max_size=3)):
        if size:
            moments[place] = draw(odd)
    steps = draw(st.lists(st.integers(1, 3), min_size=size, max_size=size))
    ids = [1 + sum(steps[: place + 1]) for place in range(size)]
    return list(zip(ids, moments, strict=True))


@dataclass
class World:
    """One sandbox in which each example takes the next chat."""

    telegram: Fetching
    numbers: Any

    def peer(self, name: str) -> Any:
        chat = self.telegram.sandbox.world.chats[name]
        return types.PeerChat(-chat.peer) if chat.type == "group" else types.PeerChannel(-chat.peer - 10**12)

    async def chat(self, history: list[tuple[int, datetime | int]]) -> tuple[str, str]:
        name = f"w{next(self.numbers)}"
        chat = self.telegram.sandbox.world.chats[name]
        peer = self.peer(name)
        sender = types.PeerUser(chat.members[0].id)
        self.telegram.sandbox.put(
            name,
            *(
                types.Message(
                    id=number,
                    peer_id=peer,
                    from_id=None if chat.type == "channel" else sender,
                    post=chat.type == "channel",
                    date=moment,
                    message=f"words {number}",
                )
                for number, moment in history
            ),
        )
        return name, await self.telegram.resolve(chat.username or str(chat.peer))


@pytest.fixture
def odd_world(fetching: Callable[..., Fetching]) -> World:
    return World(fetching(SCENARIO), count())


def make_trouble(world: World, name: str, trouble: Trouble, history: list[tuple[int, Any]]) -> None:
    sandbox = world.telegram.sandbox
    sandbox.clear_faults()
    sandbox.clear_rewrites()
    if trouble.short:
        sandbox.add_fault(method="messages.getHistory", short_page=trouble.short)

    def meanwhile(answer: Any, _request: Any) -> Any:
        # What pages lack shows only in what they count.
        counts = hasattr(answer, "count") and not trouble.no_offset and trouble.count is None
        if trouble.drop and counts:
            del answer.messages[trouble.drop[0] : sum(trouble.drop)]
        if trouble.deleted is not None and trouble.deleted < len(history):
            sandbox.world.delete(name, history[trouble.deleted][0])
        newest = max((number for number, _ in history), default=0)
        for place in range(trouble.posted):
            template = types.Message(
                id=newest + 1 + place,
                peer_id=world.peer(name),
                date=START + timedelta(days=6, minutes=place),
                message="new",
            )
            sandbox.put(name, template)
        return answer

    def says(answer: Any, _request: Any) -> Any:
        if trouble.count is not None and hasattr(answer, "count"):
            answer.count = trouble.count
        if trouble.no_offset and hasattr(answer, "offset_id_offset"):
            answer.offset_id_offset = None
        return answer

    sandbox.rewrite("messages.getHistory", meanwhile, after=trouble.after, times=1)
    sandbox.rewrite("messages.getHistory", says)


def ids_by_day(world: World, name: str) -> dict[str, set[int]]:
    days = world.telegram.truth()[name]["days"]
    return {day: {told["id"] for told in found["messages"]} for day, found in days.items()}


def is_lost(number: int, coverage: Coverage) -> bool:
    return any((loss.first_id or 0) <= number <= (loss.last_id or 0) for loss in coverage.lost)


@settings(
    max_examples=int(EXAMPLES or 30),
    derandomize=EXAMPLES is None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=histories(), trouble=troubles, cuts=st.sets(st.sampled_from(DAYS[1:])), newest_first=st.booleans()
)
async def test_each_message_is_in_its_day_or_named_as_lost(
    odd_world: World,
    history: list[tuple[int, datetime | int]],
    trouble: Trouble,
    cuts: set[date],
    newest_first: bool,
) -> None:
    telegram = odd_world.telegram
    name, key = await odd_world.chat(history)
    before = ids_by_day(odd_world, name)
    make_trouble(odd_world, name, trouble, history)
    note(f"{name} {trouble}")

    pieces: list[list[date]] = []
    for day in DAYS:
        if not pieces or day in cuts:
            pieces.append([])
        pieces[-1].append(day)
    for piece in reversed(pieces) if newest_first else pieces:
        reports = await telegram.fetch(key, piece, request_id=f"fetch-{name}-{piece[0]}")
        assert not [report.error for report in reports if report.error]

    after = ids_by_day(odd_world, name)
    for day in DAYS:
        read = read_day(telegram.data_dir / key, day)
        there = [message.id for message in read.file.messages]
        coverage = telegram.coverage(key, day)
        assert coverage.final
        assert len(there) == len(set(there))
        assert there == sorted(there, reverse=True)
        true_before = before.get(day.isoformat(), set())
        true_after = after.get(day.isoformat(), set())
        assert set(there) <= true_before | true_after
        missing = (true_before & true_after) - set(there)
        assert {number for number in missing if not is_lost(number, coverage)} == set()
    for event in telegram.events():
        if event["chat"] == key:
            read_event(orjson.dumps(event))
