"""Marked ids: a user, a basic group, a channel in one number. The arithmetic stands here and nowhere else.

Users are positive, basic groups negative, channels and supergroups below -10^12 ("Bot API ids",
https://core.telegram.org/api/bots/ids).
"""

from typing import Final, Literal

Kind = Literal["channel", "chat", "user"]
"""What an id is of: a channel or supergroup, a basic group, a user; the first part of a key."""

CHANNEL_MARK: Final = 1_000_000_000_000
"""Channels are marked `-(10**12 + id)`: https://core.telegram.org/api/bots/ids."""

LARGEST_USER: Final = 2**52
LARGEST: Final[dict[Kind, int]] = {
    "channel": 2_997_852_516_352,
    "chat": 999_999_999_999,
    "user": LARGEST_USER,
}
"""Upper bounds of ids by the same page."""


def marked(kind: Kind, number: int) -> int:
    """Returns the marked id of a channel, basic group or user by its own id."""
    if kind == "channel":
        return channel_marked_id(number)
    return group_marked_id(number) if kind == "chat" else number


def channel_marked_id(channel_id: int) -> int:
    """Returns the marked id of a channel or supergroup."""
    return -CHANNEL_MARK - channel_id


def group_marked_id(chat_id: int) -> int:
    """Returns the marked id of a basic group."""
    return -chat_id


def bare_id(marked_id: int) -> int:
    """Returns the id as Telegram's objects hold it, without the mark."""
    if marked_id >= 0:
        return marked_id
    return -marked_id - CHANNEL_MARK if is_channel(marked_id) else -marked_id


def is_channel(marked_id: int) -> bool:
    """True for a channel or supergroup."""
    return marked_id < -CHANNEL_MARK


def kind_of(marked_id: int) -> Kind:
    """Returns what a marked id is of."""
    if marked_id > 0:
        return "user"
    return "channel" if is_channel(marked_id) else "chat"


def id_key(marked_id: int) -> str:
    """Returns `channel_{id}`, `chat_{id}` or `user_{id}`."""
    return f"{kind_of(marked_id)}_{bare_id(marked_id)}"
