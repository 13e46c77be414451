"""Reactions to a message: emoji, custom emoji, paid stars, and whoever Telegram names as having reacted."""

from typing import Any

from tg_fetcher_dagster.messages.constructors import snake_name
from tg_fetcher_dagster.messages.own_fields import add_more, own_fields, rest, silent
from tg_fetcher_dagster.messages.peers import RawRecord, marked_id

PAID_STAR = "⭐"
_REACTOR = silent("MessageReactor", "peer_id", "count")
_KINDS = frozenset({"empty", "emoji", "custom", "paid"})


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
        reaction = result.get("reaction")
        identity = kind, emoji = _identity(reaction)
        given = users.pop(identity, None) if users else None
        described = {"emoji": emoji, "count": result.get("count") or 0, "users": given or [], "kind": kind}
        if kind not in _KINDS:
            add_more(described, own_fields(reaction))
        found.append(described)
    # Of a reaction that the counts do not have (they came in part) those who gave it are still named.
    for (kind, emoji), given in users.items():
        found.append({"emoji": emoji, "count": len(given), "users": given, "kind": kind})
    return found


def top_reactors_of(reactions: RawRecord) -> list[dict[str, Any]]:
    """Returns `schema.TopReactor` items: who gave the most stars; an anonymous one has no id."""
    found = []
    for reactor in reactions.get("top_reactors") or ():
        described = {"peer_id": marked_id(reactor.get("peer_id")), "count": reactor.get("count") or 0}
        add_more(described, rest(reactor, _REACTOR))
        found.append(described)
    return found
