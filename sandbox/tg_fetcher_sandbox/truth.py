"""What is true of a world, as plain data: the measure for whoever reads it over the wire.

Made from the posts themselves and not from the bytes that were sent, so that a fault in the encoding shows.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tg_fetcher_sandbox.chats import OUTSIDE, Chat
from tg_fetcher_sandbox.people import Account
from tg_fetcher_sandbox.posts import Action, Forward, Media, Post, bare
from tg_fetcher_sandbox.world import World

TYPES = {"channel": "channel", "supergroup": "supergroup", "group": "group", "private": "chat"}


def world_truth(
    world: World, *, account: str | None = None, chats: Iterable[str] | None = None
) -> dict[str, Any]:
    """Returns every chat's days (UTC) with their messages, newest first.

    Args:
        world: the world, as it is now.
        account: whose ids private chats and basic groups have (the first account's if not given; of a
            private chat always its owner's).
        chats: only these; all if not given.
    """
    asked = world.account(account) if account else world.accounts[0]
    wanted = set(chats) if chats is not None else set(world.chats) - {OUTSIDE}
    return {
        "seed": world.scenario.seed,
        "account": asked.name,
        "chats": {
            name: _chat_truth(world, chat, asked) for name, chat in world.chats.items() if name in wanted
        },
    }


def _chat_truth(world: World, chat: Chat, account: Account) -> dict[str, Any]:
    """Returns one chat with its days."""
    viewer = _viewer(world, chat, account)
    comments = _comments(world, chat)
    days: dict[str, list[dict[str, Any]]] = {}
    teller = _Teller(world, chat, viewer)
    exact = world.exact(chat)
    for each in exact.values():
        date = moment(each.at)
        days.setdefault(date[:10], []).append({"id": each.number, "date": date, "exact": True})
    for post in world.posts(chat):
        told = teller.message(post)
        if told["id"] in exact:
            continue
        if post.root is not None:
            told["comments"] = comments.get(post.root, [])
        days.setdefault(told["date"][:10], []).append(told)
    return {
        "key": chat.key,
        "id": bare(chat.peer),
        "marked_id": chat.peer,
        "type": TYPES[chat.type],
        "title": chat.title,
        "username": chat.username,
        "linked": chat.linked,
        "no_access": sorted(chat.no_access),
        "account": viewer.name,
        "days": {
            day: {"count": len(found), "messages": sorted(found, key=_id, reverse=True)}
            for day, found in sorted(days.items())
        },
    }


def moment(at: int) -> str:
    """Returns a Unix time as the day files write it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _id(told: dict[str, Any]) -> int:
    return int(told["id"])


def _viewer(world: World, chat: Chat, account: Account) -> Account:
    if chat.type == "private":
        return next(one for one in world.accounts if one.name in chat.accounts)
    return account


def _comments(world: World, chat: Chat) -> dict[int, list[dict[str, Any]]]:
    """Comments by the thread's first id in the group, oldest first."""
    found: dict[int, list[dict[str, Any]]] = {}
    if not chat.is_broadcast or chat.linked is None:
        return found
    group = world.chats[chat.linked]
    teller = _Teller(world, group, world.accounts[0])
    for post in world.posts(group):
        if post.thread is not None:
            found.setdefault(post.thread, []).append(teller.message(post))
    return found


class _Teller:
    """Tells messages of one chat."""

    def __init__(self, world: World, chat: Chat, viewer: Account) -> None:
        self._world = world
        self._chat = chat
        self._number = world.number(chat, viewer)

    def message(self, post: Post) -> dict[str, Any]:
        """Returns one message."""
        return {
            "id": self._number(post.id),
            "date": moment(post.at),
            "text": None if post.action else post.text,
            "type": "service" if post.action else "message",
            "sender_id": post.sender,
            "sender_name": self._name(post.sender),
            "reply_to": self._number(post.reply_to) if post.reply_to is not None else None,
            "quote": post.quote,
            "topic": post.topic,
            "forward": self._forward(post.forward) if post.forward else None,
            "reactions": [{"emoji": one.emoji, "count": one.count} for one in post.reactions],
            "media": _media(post.media) if post.media else None,
            "album": post.album,
            "action": self._action(post.action) if post.action else None,
            "entities": [
                {"kind": one.kind, "offset": one.offset, "length": one.length} for one in post.entities
            ],
            "views": post.views,
            "forwards": post.forwards,
            "edited": moment(post.edited) if post.edited and not post.edit_hidden else None,
            "signature": post.signature,
        }

    def _name(self, peer: int | None) -> str | None:
        if peer is None:
            return None
        person = self._world.people.by_id.get(peer)
        return person.display_name if person else self._world.by_peer[peer].title

    def _forward(self, forward: Forward) -> dict[str, Any]:
        return {
            "from_id": forward.peer,
            "from_name": forward.name or self._name(forward.peer),
            "date": moment(forward.date),
            "post": forward.post,
            "author": forward.author,
        }

    def _action(self, action: Action) -> dict[str, Any]:
        return {
            "kind": action.kind,
            "title": action.title or None,
            "peers": list(action.peers),
            "target": self._number(action.target)
            if action.kind == "pin" and action.target
            else action.target,
        }


def _media(media: Media) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": media.kind}
    if media.poll is not None:
        votes = media.poll.votes
        told |= {
            "question": media.poll.question,
            "options": list(media.poll.options),
            "votes": list(votes) if votes is not None else None,
        }
    return told
