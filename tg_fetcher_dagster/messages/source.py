"""The chat as the head of its day files names it."""

import re

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.ids import bare_id, kind_of
from tg_fetcher_dagster.messages.schema import SourceInfo

_NUMBERED_KEY = re.compile(r"(?:channel|chat|user)_\d+")


def source_info(identity: ChatIdentity) -> SourceInfo:
    """Returns what a day file says of its chat.

    `id` is made of the chat key, which never changes, not of the username, which may; the present one is
    in `username` and `url`.
    """
    return SourceInfo(
        id=identity.key if _NUMBERED_KEY.fullmatch(identity.key) else f"@{identity.key}",
        title=identity.title,
        url=_url(identity),
        type=identity.type,
        key=identity.key,
        marked_id=identity.marked_id,
        username=identity.username,
        forum=identity.forum or None,
    )


def _url(identity: ChatIdentity) -> str:
    """A public address; for a chat without a username the one that opens it for its members."""
    if identity.username:
        return f"https://t.me/{identity.username}"
    number = bare_id(identity.marked_id)
    match kind_of(identity.marked_id):
        case "channel":
            return f"https://t.me/c/{number}"
        case "chat":
            return f"tg://openmessage?chat_id={number}"
        case "user":
            return f"tg://user?id={number}"
