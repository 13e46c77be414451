"""Requests of history that a day and a month cost, counted in the sandbox's request log."""

import asyncio
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from bench.reading import CHAT, ours
from bench.sandbox import serve


def scenario(first: str, last: str, a_day: int) -> dict[str, Any]:
    """Returns a supergroup with so many messages a day, and an older message below them."""
    return {
        "days": {"from": first, "to": last},
        "chats": {
            "busy": {
                "type": "supergroup",
                "username": CHAT,
                "messages_per_day": a_day,
                "mix": {"albums": 0, "gaps": 0},
                "messages": [{"date": "2025-09-01T10:00:00", "text": "older"}],
            }
        },
    }


def counted(title: str, first: str, days: int, a_day: int) -> None:
    """Fetches the days and prints what they cost."""
    start = date.fromisoformat(first)
    last = start.replace(day=start.day + days - 1).isoformat()
    with serve(scenario(first, last, a_day)) as telegram, tempfile.TemporaryDirectory() as folder:
        before = telegram.count("messages.getHistory")
        result = asyncio.run(ours(telegram.session, Path(folder), first=start, days=days))
        cost = telegram.count("messages.getHistory") - before
    print(f"requests: {title}: {result['messages']:.0f} messages, {cost} getHistory")


def main() -> None:
    """Prints both counts."""
    counted("one day of 450 messages", "2025-11-07", 1, 450)
    counted("thirty days of 5 messages", "2025-11-01", 30, 5)


if __name__ == "__main__":
    main()
