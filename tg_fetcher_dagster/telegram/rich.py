"""Rich messages that came in part: Telegram gives the whole of one by its id."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from telethon.tl import functions, types

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.records import Record, record_of
from tg_fetcher_dagster.telegram.requests import Send

_CANNOT_BE_HAD = frozenset({ErrorType.NO_ACCESS, ErrorType.NOT_FOUND, ErrorType.INTERNAL})
"""A refusal about this one message, by whatever name: a fact about it, not a failure of the walk."""


@dataclass(frozen=True, slots=True)
class WholeMessage:
    """What Telegram gave when the whole of a message was asked for.

    Attributes:
        message: the message; None where it cannot be had.
        users: who is mentioned in it.
        chats: the same of groups and channels.
        reason: why it cannot be had, or is in part all the same.
    """

    message: Record | None = None
    users: tuple[Record, ...] = ()
    chats: tuple[Record, ...] = ()
    reason: str | None = None


def is_in_part(message: Record) -> bool:
    """Returns whether Telegram sent only the beginning of a rich message."""
    rich = message.value.get("rich_message")
    return bool(rich and rich.get("part"))


async def read_whole(
    send: Send,
    peer: Any,  # noqa: ANN401 - Telethon is untyped
    message_id: int,
    *,
    about: str,
) -> WholeMessage:
    """Returns the whole of a rich message: one request (messages.getRichMessage).

    Args:
        send: the account's way to Telegram.
        peer: the input peer of the chat that the message is in.
        message_id: its id there.
        about: what an error's line is about.

    Raises:
        FetchError: (auth, rate_limit, network) the account or the line, and not the message, is the trouble.
    """
    try:
        answer = await send(functions.messages.GetRichMessageRequest(peer, message_id), about=about)
    except FetchError as error:
        if error.error_type not in _CANNOT_BE_HAD:
            raise
        return WholeMessage(reason=error.message)
    for message in answer.messages:
        if message.id == message_id and not isinstance(message, types.MessageEmpty):
            found = record_of(message)
            return WholeMessage(
                message=found,
                users=tuple(record_of(user) for user in answer.users),
                chats=tuple(record_of(chat) for chat in answer.chats),
                reason="Telegram gave only part of it again" if is_in_part(found) else None,
            )
    return WholeMessage(reason="Telegram does not give it by its id")


def comment_peer(
    comment: Record,
    chats: Iterable[Record],
    *,
    channel: Any,  # noqa: ANN401 - Telethon is untyped
    post_id: int,
) -> Any:  # noqa: ANN401 - Telethon is untyped
    """Returns how to address the group that a comment is in.

    By the access hash that came with the comments; where it did not come, as a channel that was seen at the
    post (core.telegram.org/constructor/inputPeerChannelFromMessage).
    """
    group_id = comment.value["peer_id"]["channel_id"]
    for chat in chats:
        access_hash = chat.value.get("access_hash")
        if chat.id == group_id and chat.constructor == "Channel" and access_hash and not chat.is_min:
            return types.InputPeerChannel(group_id, access_hash)
    return types.InputPeerChannelFromMessage(channel, post_id, group_id)
