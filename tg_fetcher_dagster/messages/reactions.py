"""Reactions to a message: emoji, custom emoji, paid stars, and whoever Telegram names as having reacted."""

from typing import Any

from tg_fetcher_dagster.messages.constructors import snake_name
from tg_fetcher_dagster.messages.peers import RawRecord, marked_id

PAID_STAR = "⭐"


def _identity(reaction: RawRecord | None) -> tuple[str, str]:
    """The kind and what stands for it; a document id as a string, since 64 bits break JavaScript."""
    kind = (reaction or {}).get("_", "")
    if reaction is None or kind == "ReactionEmpty":
        return "empty", ""
    if kind == "ReactionEmoji":
        return "emoji", reaction.get("emoticon") or ""
    if kind == "ReactionCustomEmoji":
        return "custom", str(reaction.get("document_id"))
    if kind == "ReactionPaid":
        return "paid", PAID_STAR
    return snake_name(kind, "Reaction"), kind


def reactions_of(reactions: RawRecord | None) -> list[dict[str, Any]]:
    """Returns the message's `schema.Reaction` list, in Telegram's order; empty where there are none."""
    if not reactions:
        return []
    users: dict[tuple[str, str], list[int]] = {}
    for recent in reactions.get("recent_reactions") or ():
        reactor = marked_id(recent.get("peer_id"))
        if reactor is not None:
            users.setdefault(_identity(recent.get("reaction")), []).append(reactor)
    found = []
    for result in reactions.get("results") or ():
        identity = _identity(result.get("reaction"))
        kind, emoji = identity
        found.append(
            {
                "emoji": emoji,
                "count": result.get("count") or 0,
                "users": users.get(identity, []),
                "kind": kind,
            }
        )
    return found
