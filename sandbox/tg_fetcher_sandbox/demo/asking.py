"""What the demo asks for: one command by `date`, one by `range`, as a producer would push them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import redis

COMMANDS = "tg_commands"
EVENTS = "tg_events"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One command.

    Attributes:
        chat: the key under which files and events will be found.
        days: all days that it asks for.
        body: what is pushed.
    """

    chat: str
    days: tuple[date, ...]
    body: Mapping[str, Any]

    @property
    def line(self) -> str:
        """The command as JSON."""
        return orjson.dumps(self.body).decode()


def commands_of(truth: Mapping[str, Any]) -> list[Asked]:
    """Returns the demo's two commands over a world: a channel's busiest day, and all of a supergroup.

    Args:
        truth: of the scenario, as `tg-fetcher sandbox truth` prints it.
    """
    chats = truth["chats"].values()
    channel = next(chat for chat in chats if chat["type"] == "channel")
    group = next(chat for chat in chats if chat["type"] == "supergroup" and not chat["linked"])
    busiest = date.fromisoformat(max(channel["days"], key=lambda day: channel["days"][day]["count"]))
    days = sorted(map(date.fromisoformat, group["days"]))
    first, last = days[0], days[-1]
    every = tuple(first + timedelta(days=number) for number in range((last - first).days + 1))
    who = {"requested_by": "demo", "timestamp": datetime.now(UTC).isoformat(timespec="seconds")}
    by_date = {
        "command": "fetch",
        "chat": f"@{channel['username']}",
        "mode": "date",
        "date": busiest.isoformat(),
        "command_id": "demo-date",
        **who,
    }
    by_range = {
        "command": "fetch",
        "chat": f"https://t.me/{group['username']}",
        "mode": "range",
        "from": first.isoformat(),
        "to": last.isoformat(),
        "strategy": "batch",
        "command_id": "demo-range",
        **who,
    }
    return [
        Asked(chat=channel["key"], days=(busiest,), body=by_date),
        Asked(chat=group["key"], days=every, body=by_range),
    ]


def chats_to_keep(truth: Mapping[str, Any]) -> list[str]:
    """Returns the chats for TELEGRAM_CHATS: those that no command names, by their marked ids."""
    named = {asked.chat for asked in commands_of(truth)}
    return [
        str(chat["marked_id"])
        for chat in truth["chats"].values()
        if chat["key"] not in named and not (chat["type"] == "supergroup" and chat["linked"])
    ]


def push(client: redis.Redis, asked: list[Asked]) -> None:
    """Pushes the commands."""
    client.rpush(COMMANDS, *(each.line for each in asked))
