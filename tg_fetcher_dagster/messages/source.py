"""The chat as the head of its day files names it."""

import re

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.messages.peers import CHANNEL_BASE
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
    if identity.marked_id < CHANNEL_BASE:
        return f"https://t.me/c/{CHANNEL_BASE - identity.marked_id}"
    if identity.marked_id < 0:
        return f"tg://openmessage?chat_id={-identity.marked_id}"
    return f"tg://user?id={identity.marked_id}"
