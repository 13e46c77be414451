"""Peers: how Telegram's users, groups and channels become identities and are addressed again."""

from datetime import UTC, datetime
from typing import Any, Literal

from telethon.tl import types

from tg_fetcher_dagster.commands.chats import (
    bare_id,
    channel_marked_id,
    chat_key,
    group_marked_id,
    is_channel,
)
from tg_fetcher_dagster.commands.identity import ChatIdentity
from tg_fetcher_dagster.errors import ErrorType, FetchError

ChatType = Literal["channel", "supergroup", "group", "chat"]


def marked_id_of(entity: Any) -> int:  # noqa: ANN401 - Telethon is untyped
    """Returns the marked id of a user, a group, a channel, or of a peer that names one."""
    if isinstance(entity, types.PeerChannel):
        return channel_marked_id(entity.channel_id)
    if isinstance(entity, types.PeerChat):
        return group_marked_id(entity.chat_id)
    if isinstance(entity, types.PeerUser):
        return int(entity.user_id)
    if isinstance(entity, types.Channel | types.ChannelForbidden):
        return channel_marked_id(entity.id)
    if isinstance(entity, types.Chat | types.ChatForbidden | types.ChatEmpty):
        return group_marked_id(entity.id)
    return int(entity.id)


def identity_of(
    entity: Any,  # noqa: ANN401 - Telethon is untyped
    *,
    account: str,
    known: ChatIdentity | None = None,
    details: Any = None,  # noqa: ANN401 - ChannelFull
) -> ChatIdentity:
    """Returns the identity of a user, group or channel as an account sees it.

    Args:
        entity: what Telegram gave, not a `min` one.
        account: whose access hash it is.
        known: the identity so far, whose key stays.
        details: `ChannelFull`, for the linked group and the group's past.

    Raises:
        FetchError: (no_access) the account may not see it.
    """
    marked_id = marked_id_of(entity)
    if isinstance(entity, types.ChannelForbidden | types.ChatForbidden | types.ChatEmpty | types.UserEmpty):
        raise FetchError(
            ErrorType.NO_ACCESS,
            f"chat {known.key if known else marked_id}: the account may not read it (join it first)",
        )
    usernames = active_usernames(entity)
    username = usernames[0] if usernames else None
    access_hash = getattr(entity, "access_hash", None)
    return ChatIdentity(
        key=known.key if known else chat_key(username=username, marked_id=marked_id),
        marked_id=marked_id,
        type=_type_of(entity),
        title=title_of(entity),
        username=username,
        aliases=tuple(name.lower() for name in usernames),
        access_hashes={account: access_hash} if access_hash is not None else {},
        account=account,
        linked_chat_id=getattr(details, "linked_chat_id", None),
        migrated_from_chat_id=getattr(details, "migrated_from_chat_id", None),
        migrated_from_max_id=getattr(details, "migrated_from_max_id", None),
        forum=bool(getattr(entity, "forum", None)),
        noforwards=bool(getattr(entity, "noforwards", None)),
        available_min_id=getattr(details, "available_min_id", None),
        details_seen_at=datetime.now(UTC) if details is not None else None,
        added_at=known.added_at if known else datetime.now(UTC),
    )


def active_usernames(entity: Any) -> list[str]:  # noqa: ANN401 - Telethon is untyped
    """Returns the names that lead to a user or channel now, the main one first, as Telegram spells them."""
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
