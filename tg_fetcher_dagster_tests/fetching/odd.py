"""A supergroup whose messages stand exactly where a test puts them."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

from telethon.tl import types

from tg_fetcher_dagster_tests.fetching.reading import Fetching

SCENARIO: dict[str, Any] = {
    "days": {"from": "2025-11-01", "to": "2025-11-09"},
    "chats": {"odd": {"type": "supergroup", "username": "odd_group", "messages_per_day": 0}},
}
NAME = "odd"
USERNAME = "odd_group"

Start = Callable[..., Fetching]
Moment = datetime | int


def at(day: int, clock: str = "12:00:00") -> datetime:
    """A moment of November 2025."""
    return datetime.fromisoformat(f"2025-11-{day:02}T{clock}+00:00")


def many(day: int, count: int) -> list[Moment]:
    """So many moments of a day, in order."""
    return [datetime.fromtimestamp(at(day, "06:00:00").timestamp() + second, UTC) for second in range(count)]


def message(telegram: Fetching, number: int, moment: Moment, **fields: Any) -> types.Message:
    """One message of the group."""
    peer = types.PeerChannel(-telegram.sandbox.world.chats[NAME].peer - 10**12)
    sender = types.PeerUser(telegram.sandbox.world.people.crowd[0].id)
    words = {"message": f"message {number}", **fields}
    return types.Message(id=number, peer_id=peer, from_id=sender, date=moment, **words)


def put(telegram: Fetching, moments: Iterable[Moment], *, first_id: int = 1) -> None:
    """Lets messages of these moments stand in the group, numbered in their order."""
    telegram.sandbox.put(
        NAME, *(message(telegram, number, moment) for number, moment in enumerate(moments, first_id))
    )


async def odd_group(fetching: Start, moments: Iterable[Moment] = (), **settings: Any) -> Fetching:
    """Starts a sandbox with the group and resolves it."""
    telegram = fetching(SCENARIO, **settings)
    put(telegram, moments)
    await telegram.resolve(USERNAME)
    return telegram


def true_days(telegram: Fetching) -> dict[str, list[int]]:
    """The ids of each day, newest first, as the sandbox has them."""
    days = telegram.truth()[NAME]["days"]
    return {day: [told["id"] for told in found["messages"]] for day, found in days.items()}


def kept_ids(telegram: Fetching, day: date) -> list[int]:
    """The ids of a day file, in its order."""
    return [each["id"] for each in telegram.day(USERNAME, day)["messages"]]
