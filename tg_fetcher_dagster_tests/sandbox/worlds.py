"""Scenarios that the sandbox's tests share."""

from typing import Any

from tg_fetcher_sandbox.scenario import parse_scenario
from tg_fetcher_sandbox.world import World

EVERY_KIND: dict[str, Any] = {
    "seed": 7,
    "days": {"from": "2025-11-05", "to": "2025-11-07"},
    "accounts": [
        {"name": "main", "phone": "+15550001001"},
        {"name": "second", "phone": "+15550001002", "password": "secret", "signed_in": True},
    ],
    "users": {"anna": {"first_name": "Анна", "username": "anna_p"}, "ghost": {"deleted": True}},
    "chats": {
        "news": {
            "type": "channel",
            "username": "Sandbox_News",
            "messages_per_day": 12,
            "signed": True,
            "comments": {"share": 0.7, "most": 6},
            "discussion": {"title": "News talk", "messages_per_day": 4},
        },
        "busy": {
            "type": "supergroup",
            "username": "busy_group",
            "messages_per_day": 150,
            "members": 40,
            "mix": {"odd": 0.05, "polls": 0.05, "service": 0.05, "albums": 0.05},
        },
        "forum": {
            "type": "supergroup",
            "topics": ["Питон", "Offtopic"],
            "messages_per_day": 20,
            "migrated_from": {"days": {"from": "2025-11-01", "to": "2025-11-02"}},
        },
        "family": {"type": "group", "messages_per_day": 15, "members": ["anna", "ghost"]},
        "talk": {"type": "private", "with": "anna", "messages_per_day": 9},
        "secret": {"type": "channel", "messages_per_day": 3, "no_access": True},
        "quiet": {"type": "supergroup", "username": "quiet_group", "messages_per_day": [0, 1]},
    },
}
"""One chat of every kind over three days, two accounts."""


def world(**changes: Any) -> World:
    """Returns the world of `EVERY_KIND`, with other keys if given."""
    return World(parse_scenario({**EVERY_KIND, **changes}))


def one_chat(**chat: Any) -> World:
    """Returns a world with one chat named `chat` on 2025-11-07."""
    days = {"from": "2025-11-07", "to": "2025-11-07"}
    users = {"anna": {"first_name": "Анна"}, "ghost": {"deleted": True}}
    return World(parse_scenario({"days": days, "users": users, "chats": {"chat": chat}}))
