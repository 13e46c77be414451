"""What an answer says of the chat that was asked about: that it can be read, that it cannot, where it went.

A basic group that the account was removed from, or that became a supergroup, answers like one in which
nobody wrote; only its own line among the answer's chats tells (telegram.md, 9 and 21).
"""

from collections.abc import Iterable
from typing import Any, Protocol

from telethon.tl import types

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.ids import bare_id
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.peers import marked_id_of

_KEPT_OUT = (types.ChatForbidden, types.ChannelForbidden, types.ChatEmpty)


class _Described(Protocol):
    @property
    def users(self) -> Iterable[Any]: ...
    @property
    def chats(self) -> Iterable[Any]: ...


class ChatMigratedError(FetchError):
    """The basic group is a supergroup now.

    Attributes:
        channel_id: the supergroup's id, unmarked.
        access_hash: by which this account addresses it.
    """

    def __init__(self, channel_id: int, access_hash: int, *, about: str) -> None:
        super().__init__(ErrorType.NO_ACCESS, f"{about}: the group became the supergroup {channel_id}")
        self.channel_id = channel_id
        self.access_hash = access_hash


def own_entity(answer: _Described, marked_id: int) -> Any:  # noqa: ANN401 - Telethon is untyped
    """Returns the user, group or channel with this marked id among those that an answer describes, or None.

    One that Telegram sent in part (`min`) describes nothing.
    """
    number = bare_id(marked_id)  # looked at first, since every page asks this
    for each in answer.users if marked_id > 0 else answer.chats:
        if each.id == number and marked_id_of(each) == marked_id and not getattr(each, "min", None):
            return each
    return None


def require_access(own: Any, *, about: str) -> None:  # noqa: ANN401 - Telethon is untyped
    """Lets pass what shows that the chat can be read, and what says nothing of it.

    Raises:
        ChatMigratedError: it is a basic group that became a supergroup.
        FetchError: (no_access) the account may not read it, or not any more.
    """
    if isinstance(own, _KEPT_OUT):
        raise FetchError(ErrorType.NO_ACCESS, f"{about}: the account was removed from it")
    if not isinstance(own, types.Chat):
        return
    if isinstance(own.migrated_to, types.InputChannel):
        raise ChatMigratedError(own.migrated_to.channel_id, own.migrated_to.access_hash, about=about)
    if own.deactivated or own.left:
        raise FetchError(
            ErrorType.NO_ACCESS, f"{about}: the account has left the group: join it with the account"
        )


def require_reader(identity: ChatIdentity, *, account: str, user_id: int) -> None:
    """Refuses to go on with what another user has begun: the same ids would mean other messages.

    Ask where message ids are each user's own: private chats, basic groups, the past of a migrated one.

    Raises:
        FetchError: (no_access) the files hold another user's ids (telegram.md, 8 and 38).
    """
    if identity.reader_user_id not in {None, user_id}:
        raise FetchError(
            ErrorType.NO_ACCESS,
            f"chat {identity.key}: its files hold the message ids of the Telegram user"
            f" {identity.reader_user_id}; account {account} is the user {user_id}, who has others:"
            " fetch it with that user's account, or into another DATA_DIR",
        )
