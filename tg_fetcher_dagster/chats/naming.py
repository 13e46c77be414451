"""Whom a chat's name means, and who loses it: the rules of the identity table. Pure.

The numeric id is the chat; names come and go (telegram.md, 29). A chat has the names that led to it when it
was last seen. A name that it lost is asked for anew; what is configured goes on with the chat that it meant
first, until a person confirms that another one is meant.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from tg_fetcher_dagster.chats.identity import ChatIdentity, LostName, is_name
from tg_fetcher_dagster.chats.ids import bare_id, id_key, is_channel
from tg_fetcher_dagster.chats.spelling import ChatSpelling, parse_spelling
from tg_fetcher_dagster.errors import FetchError

Known = Mapping[str, ChatIdentity]
"""Chats by key."""

_MAY_BE_UNTOLD = ("linked_chat_id", "migrated_from_chat_id", "migrated_from_max_id", "migrated_to_id")


@dataclass(frozen=True, kw_only=True)
class MovedName:
    """A username that another chat has now, while what is configured goes on with the chat that it meant.

    Attributes:
        name: in lower case, without `@`.
        chat: the chat that it meant first.
        owner: the marked id of the one that has it.
        owner_key: its key, where it is known here.
    """

    name: str
    chat: ChatIdentity
    owner: int
    owner_key: str | None

    @property
    def line(self) -> str:
        """One line for events, `status` and the log."""
        first, owner = _named(self.chat.marked_id, self.chat.key), _named(self.owner, self.owner_key)
        return (
            f"@{self.name} meant {first} and means {owner} now; where it is configured it goes on with"
            f" {self.chat.key} until: tg-fetcher chats confirm @{self.name}"
        )


def with_id(known: Known, marked_id: int) -> ChatIdentity | None:
    """Returns the chat with this marked id; for a basic group also the supergroup that it became."""
    found = next((each for each in known.values() if each.marked_id == marked_id), None)
    if found is not None or marked_id > 0 or is_channel(marked_id):
        return found
    return next((each for each in known.values() if each.migrated_from_chat_id == bare_id(marked_id)), None)


def meant_now(known: Known, spelling: ChatSpelling) -> ChatIdentity | None:
    """Returns whom an explicit ask means; None where Telegram must be asked.

    A name means the chat that had it at its last sight, else the one that it meant first, once Telegram has
    said that nobody has it. A bare number means a channel; a user only where that was found out.
    """
    for marked_id in spelling.marked_ids:
        found = with_id(known, marked_id)
        if found is not None and (marked_id < 0 or _means_user(spelling, found)):
            return found
    if spelling.username is None:
        return None
    if (holder := _holder(known, spelling.username)) is not None:
        return holder
    loser = _loser(known, spelling.username)
    lost = loser.lost_names[spelling.username] if loser else None
    return loser if lost is not None and lost.asked and lost.owner is None else None


def meant_first(known: Known, spelling: ChatSpelling) -> ChatIdentity | None:
    """Returns whom a configured spelling means: the chat that it meant first, until a person confirms."""
    if spelling.username is None:
        return meant_now(known, spelling)
    return _loser(known, spelling.username) or _holder(known, spelling.username)


def moved_names(known: Known) -> list[MovedName]:
    """Returns every name that waits for a person to confirm whom it means, sorted."""
    keys = {each.marked_id: each.key for each in known.values()}
    return [
        MovedName(name=name, chat=each, owner=lost.owner, owner_key=keys.get(lost.owner))
        for each in known.values()
        for name, lost in sorted(each.lost_names.items())
        if lost.owner is not None
    ]


def lost_lines(chat: ChatIdentity) -> list[str]:
    """Returns a line for each name that a chat has lost and that nobody has asked for since."""
    return [
        f"@{name} leads to {chat.key} no more: who asks for @{name} next, asks Telegram whose it is"
        for name, lost in sorted(chat.lost_names.items())
        if not lost.asked
    ]


def merged(old: ChatIdentity | None, seen: ChatIdentity) -> ChatIdentity:
    """Returns a chat as it is now seen, with what this sight does not tell as it was."""
    ids = {id_key(seen.marked_id)} | ({str(seen.marked_id)} if seen.marked_id < 0 else set())
    others = {alias for alias in (*(old.aliases if old else ()), *seen.aliases) if not is_name(alias)}
    names = seen.present_names
    kept = {"username": names[0] if names else None, "usernames": names}
    if old is None:
        return seen.model_copy(update={**kept, "aliases": tuple(sorted(ids | others))})
    untold = {name: getattr(old, name) for name in _MAY_BE_UNTOLD if getattr(seen, name) is None}
    if seen.details_seen_at is None:
        untold |= {name: getattr(old, name) for name in ("available_min_id", "details_seen_at")}
    untold["shown_from"] = old.shown_from
    return seen.model_copy(
        update={
            **untold,
            **kept,
            "first_message_date": _first_day(old, seen),
            "key": old.key,
            "aliases": tuple(sorted(ids | others)),
            "access_hashes": {**old.access_hashes, **seen.access_hashes},
            "account": old.account or seen.account,
            "reader_user_id": old.reader_user_id or seen.reader_user_id,
            "paused": old.paused,
            "added_at": old.added_at,
        }
    )


def followed(known: Known, seen: ChatIdentity) -> ChatIdentity | None:
    """Returns a known chat with what a page says of it, also that its linked group is gone.

    None where it was forgotten, or has become a supergroup, meanwhile.
    """
    old = known.get(seen.key)
    if old is None or old.marked_id != seen.marked_id:
        return None
    return merged(old, seen).model_copy(update={"linked_chat_id": seen.linked_chat_id})


def _first_day(old: ChatIdentity, seen: ChatIdentity) -> dt.date | None:
    """The day of the first message; of a supergroup that was a basic group also what came before."""
    days = [day for day in (old.first_message_date, seen.first_message_date) if day is not None]
    if old.marked_id != seen.marked_id or old.migrated_from_chat_id is not None:
        return min(days, default=None)
    return days[-1] if days else None


def settle_names(known: Known, seen: ChatIdentity, *, at: dt.datetime) -> list[ChatIdentity]:
    """Returns what a sight of a chat changes: those that lose a name to it first, the chat itself last.

    Args:
        known: as it was.
        seen: as `merged` gives it.
        at: when it was seen.
    """
    old = known.get(seen.key)
    had = old.names if old else frozenset()
    lost = dict(old.lost_names) if old else {}
    changed: dict[str, ChatIdentity] = {}
    for name in sorted(had - seen.names):
        loser = _loser(known, name)
        if loser is None:
            lost[name] = LostName(since=at)
        else:  # another chat had it first, and whose it is now must be asked again
            since = loser.lost_names[name].since
            before = changed.get(loser.key, loser)
            unasked = {**before.lost_names, name: LostName(since=since)}
            changed[loser.key] = _with_names(before, before.present_names, unasked)
    for name in seen.names:
        lost.pop(name, None)
    for other in known.values():
        taken = seen.names & (other.names | other.lost_names.keys()) if other.key != seen.key else ()
        for name in sorted(taken):
            before = changed.get(other.key, other)
            changed[other.key] = without_name(known, before, name, owner=seen.marked_id, at=at)
    return [*changed.values(), _with_names(seen, seen.present_names, lost)]


def without_name(
    known: Known, chat: ChatIdentity, name: str, *, owner: int | None, at: dt.datetime
) -> ChatIdentity:
    """Returns a chat that has lost a name, after Telegram said who has it now (None: nobody).

    Only the chat that the name meant first remembers it, so that what is configured can go on with that one.
    """
    lost = dict(chat.lost_names)
    before = lost.pop(name, None)
    first = _loser(known, name)
    if first is None or first.key == chat.key:
        lost[name] = LostName(since=before.since if before else at, asked=True, owner=owner)
    left = tuple(each for each in chat.present_names if each.lower() != name)
    return _with_names(chat, left, lost)


def _with_names(chat: ChatIdentity, names: tuple[str, ...], lost: dict[str, LostName]) -> ChatIdentity:
    ids = {alias for alias in chat.aliases if not is_name(alias)}
    still = {name for name, was in lost.items() if was.owner is None}
    return chat.model_copy(
        update={
            "username": names[0] if names else None,
            "usernames": names,
            "lost_names": lost,
            "aliases": tuple(sorted(ids | {_alias(name) for name in (*names, *still)})),
        }
    )


def _named(marked_id: int, key: str | None) -> str:
    by_id = id_key(marked_id)
    return by_id if key in {None, by_id} else f"{by_id} (kept as {key})"


def _holder(known: Known, name: str) -> ChatIdentity | None:
    return next((each for each in known.values() if name in each.names), None)


def _loser(known: Known, name: str) -> ChatIdentity | None:
    """The one chat that remembers a name which it had."""
    return next((each for each in known.values() if name in each.lost_names), None)


def _means_user(spelling: ChatSpelling, user: ChatIdentity) -> bool:
    """A bare number is a channel's, else a user's: that there is no such channel must have been asked."""
    return spelling.bare_id is None or spelling.canonical in user.aliases


def _alias(name: str) -> str:
    """The name in lower case; with `@` where it looks like an id's key."""
    try:
        return parse_spelling(f"@{name}").canonical
    except FetchError:
        return name.lower()
