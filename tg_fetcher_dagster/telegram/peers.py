"""Peers: how Telegram's users, groups and channels become identities and are addressed again.

A basic group, a channel and a user may share a number, so that everything is compared by marked id; what is
none of the three (a community, whatever a later layer brings) has none and is left out.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from telethon.tl import types

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.ids import bare_id, channel_marked_id, group_marked_id, is_channel
from tg_fetcher_dagster.chats.spelling import chat_key
from tg_fetcher_dagster.errors import ErrorType, FetchError

log = structlog.get_logger(__name__)

ChatType = Literal["channel", "supergroup", "group", "chat"]

_MARKED: dict[type, Callable[[Any], int]] = {
    types.PeerChannel: lambda peer: channel_marked_id(peer.channel_id),
    types.PeerChat: lambda peer: group_marked_id(peer.chat_id),
    types.PeerUser: lambda peer: int(peer.user_id),
    types.InputPeerChannel: lambda peer: channel_marked_id(peer.channel_id),
    types.InputPeerChat: lambda peer: group_marked_id(peer.chat_id),
    types.InputPeerUser: lambda peer: int(peer.user_id),
    types.InputChannel: lambda peer: channel_marked_id(peer.channel_id),
    types.Channel: lambda chat: channel_marked_id(chat.id),
    types.ChannelForbidden: lambda chat: channel_marked_id(chat.id),
    types.Chat: lambda chat: group_marked_id(chat.id),
    types.ChatForbidden: lambda chat: group_marked_id(chat.id),
    types.ChatEmpty: lambda chat: group_marked_id(chat.id),
    types.User: lambda user: int(user.id),
    types.UserEmpty: lambda user: int(user.id),
}
"""How each constructor is marked; one that is not here is no chat that can be read."""

_CLOSED = (types.ChannelForbidden, types.ChatForbidden, types.ChatEmpty, types.UserEmpty)
_READABLE = (types.Channel, types.Chat, types.User)


def marked_id_of(entity: Any) -> int | None:  # noqa: ANN401 - Telethon is untyped
    """Returns the marked id of a user, a group, a channel, or of a peer that names one; None of all else."""
    marked = _MARKED.get(type(entity))
    return marked(entity) if marked is not None else None


def by_marked_id(entities: Iterable[Any]) -> dict[int, Any]:
    """Returns users, groups and channels by marked id; others are named in the log and left out."""
    found = {}
    for entity in entities:
        marked_id = marked_id_of(entity)
        if marked_id is None:
            log.info("left out: neither a user nor a group nor a channel", constructor=type(entity).__name__)
        else:
            found[marked_id] = entity
    return found


def identity_of(
    entity: Any,  # noqa: ANN401 - Telethon is untyped
    *,
    account: str,
    user_id: int,
    known: ChatIdentity | None = None,
    details: Any = None,  # noqa: ANN401 - ChannelFull
) -> ChatIdentity:
    """Returns the identity of a user, group or channel as an account sees it.

    Args:
        entity: what Telegram gave, not a `min` one.
        account: the account's label.
        user_id: the account's user, whose access hash it is.
        known: the identity so far, whose key stays.
        details: `ChannelFull`, for the linked group and the group's past.

    Raises:
        FetchError: (no_access) the account may not see it; (not_found) it is no chat.
    """
    marked_id = marked_id_of(entity)
    if isinstance(entity, _CLOSED):
        raise FetchError(
            ErrorType.NO_ACCESS,
            f"chat {known.key if known else marked_id}: the account may not read it (join it first)",
        )
    if marked_id is None or not isinstance(entity, _READABLE):
        raise FetchError(ErrorType.NOT_FOUND, f"a {type(entity).__name__} has no messages of its own")
    usernames = active_usernames(entity)
    access_hash = hash_of(entity)
    migrated_from = getattr(details, "migrated_from_chat_id", None)
    kind = _type_of(entity)
    return ChatIdentity(
        key=known.key if known else chat_key(username=next(iter(usernames), None), marked_id=marked_id),
        marked_id=marked_id,
        type=kind,
        title=title_of(entity),
        username=next(iter(usernames), None),
        usernames=tuple(usernames),
        access_hashes={str(user_id): access_hash} if access_hash is not None else {},
        account=account,
        reader_user_id=user_id if kind in {"group", "chat"} or migrated_from is not None else None,
        linked_chat_id=getattr(details, "linked_chat_id", None),
        migrated_from_chat_id=migrated_from,
        migrated_from_max_id=getattr(details, "migrated_from_max_id", None),
        forum=bool(getattr(entity, "forum", None)),
        noforwards=bool(getattr(entity, "noforwards", None)),
        available_min_id=getattr(details, "available_min_id", None),
        details_seen_at=datetime.now(UTC) if details is not None else None,
        added_at=known.added_at if known else datetime.now(UTC),
    )


def seen_again(known: ChatIdentity, entity: Any, *, user_id: int) -> ChatIdentity:  # noqa: ANN401
    """Returns a known chat as an answer shows it now; the very same object where nothing has changed.

    Args:
        known: the chat as it was known until now.
        entity: the chat's own line in the answer (`access.own_entity`); None changes nothing, nor does one
            that the account may not read any more.
        user_id: the account's user, whose access hash it is.
    """
    if not isinstance(entity, _READABLE) or marked_id_of(entity) != known.marked_id:
        return known
    usernames = tuple(active_usernames(entity))
    told: dict[str, Any] = {
        "type": _type_of(entity),
        "title": title_of(entity),
        "username": next(iter(usernames), None),
        "usernames": usernames,
        "forum": bool(getattr(entity, "forum", None)),
        "noforwards": bool(getattr(entity, "noforwards", None)),
    }
    if isinstance(entity, types.Channel) and not entity.has_link:
        told["linked_chat_id"] = None
    access_hash = hash_of(entity)
    if access_hash is not None and known.access_hashes.get(str(user_id)) != access_hash:
        told["access_hashes"] = {**known.access_hashes, str(user_id): access_hash}
    if known.reader_user_id is None and told["type"] in {"group", "chat"}:
        told["reader_user_id"] = user_id
    changed = {name: value for name, value in told.items() if getattr(known, name) != value}
    return known.model_copy(update=changed) if changed else known


def successor_of(group: ChatIdentity, channel_id: int, access_hash: int, *, user_id: int) -> ChatIdentity:
    """Returns the supergroup that a basic group has become, as far as the group's own line tells of it.

    Its title, its names and its kind are seen on the first page of its own.
    """
    return group.model_copy(
        update={
            "marked_id": channel_marked_id(channel_id),
            "type": "supergroup",
            "access_hashes": {str(user_id): access_hash},
            "reader_user_id": group.reader_user_id or user_id,
            "migrated_from_chat_id": bare_id(group.marked_id),
        }
    )


def active_usernames(entity: Any) -> list[str]:  # noqa: ANN401 - Telethon is untyped
    """Returns the names that lead to a user or channel now, the main one first, as Telegram spells them.

    A chat with several names, or with one that was bought at an auction, has them in `usernames` alone
    (https://core.telegram.org/api/usernames).
    """
    main = getattr(entity, "username", None)
    further = [each.username for each in getattr(entity, "usernames", None) or () if each.active]
    names = [main, *further] if main else further
    return list(dict.fromkeys(name for name in names if name))


def title_of(entity: Any) -> str:  # noqa: ANN401 - Telethon is untyped
    """Returns a chat's title, or a user's name; a deleted user has none."""
    title = getattr(entity, "title", None)
    if title is not None:
        return str(title)
    names = (getattr(entity, "first_name", None), getattr(entity, "last_name", None))
    return " ".join(name for name in names if name)


def hash_of(entity: Any) -> int | None:  # noqa: ANN401 - Telethon is untyped
    """Returns the access hash; one of a `min` object opens nothing (https://core.telegram.org/api/min)."""
    given = getattr(entity, "access_hash", None)
    return None if given is None or getattr(entity, "min", None) else int(given)


def input_peer(marked_id: int, access_hash: int | None) -> Any:  # noqa: ANN401 - Telethon is untyped
    """Returns how a request addresses a chat; a basic group needs no access hash."""
    if is_channel(marked_id):
        return types.InputPeerChannel(bare_id(marked_id), access_hash or 0)
    if marked_id < 0:
        return types.InputPeerChat(bare_id(marked_id))
    return types.InputPeerUser(marked_id, access_hash or 0)


def needs_access_hash(marked_id: int) -> bool:
    """True for all but basic groups."""
    return marked_id > 0 or is_channel(marked_id)


def _type_of(entity: Any) -> ChatType:  # noqa: ANN401 - Telethon is untyped
    if isinstance(entity, types.User):
        return "chat"
    if isinstance(entity, types.Chat):  # a basic group; it has no `megagroup` (telegram.md, 19)
        return "group"
    return "channel" if entity.broadcast else "supergroup"
