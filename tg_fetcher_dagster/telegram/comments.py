"""What was written below a channel's post: one request for up to a hundred comments."""

from dataclasses import dataclass
from typing import Any, Literal

from telethon.tl import functions, types

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.records import Record, record_of
from tg_fetcher_dagster.telegram.requests import Send

PAGE = 100

_UNAVAILABLE = frozenset({ErrorType.NO_ACCESS, ErrorType.NOT_FOUND})
"""The discussion group is private or gone: that is a fact about the post, not a failure of the walk."""


@dataclass(frozen=True, slots=True)
class Comments:
    """The comments of one post.

    Attributes:
        outcome: `unavailable` where the discussion may not be read, or gives nothing of what is counted:
            never taken for "no comments".
        reason: why not.
        messages: the newest ones up to the limit, oldest first.
        users: who wrote them.
        chats: the same of groups and channels.
        total: how many there are, where Telegram says so.
    """

    outcome: Literal["read", "unavailable"]
    reason: str | None = None
    messages: tuple[Record, ...] = ()
    users: tuple[Record, ...] = ()
    chats: tuple[Record, ...] = ()
    total: int | None = None

    @property
    def missing(self) -> int:
        """How many comments Telegram counts beyond those that are here."""
        return max(0, (self.total or 0) - len(self.messages))


async def read_comments(
    send: Send,
    peer: Any,  # noqa: ANN401 - Telethon is untyped
    post_id: int,
    *,
    limit: int,
    counted: int,
    about: str,
) -> Comments:
    """Returns a post's newest comments.

    An answer without messages that its own count or the post's contradicts is asked for again, once.

    Args:
        send: the account's way to Telegram.
        peer: the channel's input peer (not the discussion group's).
        post_id: the post's id in the channel.
        limit: how many at most.
        counted: how many the post says that it has.
        about: what an error's line is about.

    Raises:
        FetchError: any failure but a discussion that the account may not read.
    """
    thread = _Thread()
    offset_id, total, was_asked_again = 0, None, False
    while len(thread.messages) < limit:
        wanted = min(PAGE, limit - len(thread.messages))
        try:
            answer = await send(_request(peer, post_id, offset_id=offset_id, limit=wanted), about=about)
        except FetchError as error:
            if error.error_type not in _UNAVAILABLE:
                raise
            return Comments(outcome="unavailable", reason=error.message)
        total = int(getattr(answer, "count", len(answer.messages)))
        thread.take(answer)
        if answer.messages:
            if len(thread.messages) >= total:
                break
            offset_id = min(int(message.id) for message in answer.messages)
        elif was_asked_again or len(thread.messages) >= max(total, 0 if thread.messages else counted):
            break
        else:
            was_asked_again = True
    if not thread.messages and counted:
        return Comments(
            outcome="unavailable", reason=f"the post counts {counted} and Telegram gave none", total=counted
        )
    return thread.comments(total)


class _Thread:
    """What was read of a thread so far."""

    def __init__(self) -> None:
        self.messages: dict[int, Record] = {}
        self._users: dict[int, Record] = {}
        self._chats: dict[tuple[str, int], Record] = {}

    def take(self, answer: Any) -> None:  # noqa: ANN401 - Telethon is untyped
        """Takes in a page."""
        for message in answer.messages:
            if not isinstance(message, types.MessageEmpty):
                self.messages[message.id] = record_of(message)
        self._users.update((user.id, record_of(user)) for user in answer.users)
        # A basic group and a channel may share a number.
        self._chats.update(((type(chat).__name__, chat.id), record_of(chat)) for chat in answer.chats)

    def comments(self, total: int | None) -> Comments:
        """Returns what was read, the oldest first."""
        return Comments(
            outcome="read",
            messages=tuple(self.messages[each] for each in sorted(self.messages)),
            users=tuple(self._users.values()),
            chats=tuple(self._chats.values()),
            total=total,
        )


def _request(peer: Any, post_id: int, *, offset_id: int, limit: int) -> Any:  # noqa: ANN401
    return functions.messages.GetRepliesRequest(
        peer=peer,
        msg_id=post_id,
        offset_id=offset_id,
        offset_date=None,
        add_offset=0,
        limit=limit,
        max_id=0,
        min_id=0,
        hash=0,
    )
