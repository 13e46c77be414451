"""The commands of a storm, the same for the same seed: small ones, many of them duplicates or neighbours."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson

FIRST = date(2025, 11, 1)
DAYS = 24

SCENARIO: dict[str, Any] = {
    "seed": 11,
    "days": {"from": str(FIRST), "to": str(FIRST + timedelta(days=DAYS - 1))},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {
        "news": {
            "type": "channel",
            "username": "storm_news",
            "messages_per_day": 3,
            "comments": {"share": 0.3, "most": 3},
            "discussion": {"title": "talk", "messages_per_day": 1},
        },
        **{
            f"group_{number}": {
                "type": "supergroup",
                "username": f"storm_group_{number}",
                "messages_per_day": [0, 9],
                "members": 6,
            }
            for number in range(6)
        },
        "quiet": {"type": "channel", "username": "storm_quiet", "messages_per_day": [0, 1]},
    },
}
CHATS = ("storm_news", *(f"storm_group_{number}" for number in range(6)), "storm_quiet")

SENSELESS = (
    {"chat": "a b", "date": "2025-11-04"},
    {"chat": "storm_quiet", "date": "2025-13-01"},
    {"chat": "storm_quiet", "from": "2025-11-09", "to": "2025-11-03"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command.

    Attributes:
        chat: the key under which its events and files are found.
        days: every day that ends for it; none where it makes no sense, which has one end without a day.
        entry: what is pushed.
    """

    command_id: str
    chat: str
    days: tuple[date, ...]
    entry: bytes


def commands(seed: int, count: int, *, chats: int = len(CHATS)) -> list[Command]:
    """Returns so many commands: a twentieth makes no sense, a fifth repeats one of the last ten.

    Args:
        seed: decides.
        count: how many.
        chats: of so many chats; fewer of them are fewer runs.
    """
    chance = random.Random(seed)
    made: list[Command] = []
    bodies: list[dict[str, Any]] = []
    for number in range(count):
        draw = chance.random()
        if draw < 0.2 and bodies:
            body = chance.choice(bodies[-10:])
        elif draw < 0.25:
            body = chance.choice(SENSELESS)
        else:
            body = _sensible(chance, CHATS[:chats])
        bodies.append(body)
        made.append(_command(f"storm-{seed}-{number:04d}", body))
    return made


def _sensible(chance: random.Random, chats: Sequence[str]) -> dict[str, Any]:
    chat = chance.choice(chats)
    first = FIRST + timedelta(days=chance.randrange(DAYS - 4))
    last = first + timedelta(days=chance.choice((0, 0, 0, 1, 2, 3)))
    spelling = chance.choice(("@{}", "{}", "https://t.me/{}", "t.me/{}")).format(chat)
    days = chance.choice(
        [
            {"mode": "range", "from": str(first), "to": str(last)},
            {"from_date": str(first), "to_date": str(last), "strategy": "per_day"},
            {"date": str(first)},
            {"date": str(first), "mode": "date", "strategy": "batch"},
        ]
    )
    return {"chat": spelling, **days, **({"force": True} if chance.random() < 0.03 else {})}


def _command(command_id: str, body: dict[str, Any]) -> Command:
    entry = orjson.dumps({"command": "fetch", "command_id": command_id, **body})
    chat = str(body["chat"]).rsplit("/", 1)[-1].lstrip("@")
    return Command(
        command_id=command_id, chat=chat, days=() if body in SENSELESS else _days(body), entry=entry
    )


def _days(body: dict[str, Any]) -> tuple[date, ...]:
    first = date.fromisoformat(body.get("date") or body.get("from") or body["from_date"])
    last = date.fromisoformat(body.get("date") or body.get("to") or body["to_date"])
    return tuple(first + timedelta(days=number) for number in range((last - first).days + 1))


def asked_days(asked: Sequence[Command]) -> set[tuple[str, date]]:
    """Returns every chat and day that somebody asks for."""
    return {(each.chat, day) for each in asked for day in each.days}
