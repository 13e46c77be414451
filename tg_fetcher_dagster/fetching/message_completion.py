"""What a page does not bring of a message: comments below it, and the rest of what came in part.

A page brings long rich messages in part; `messages.getRichMessage` gives one whole. One request a message,
none where nothing came in part.
"""

from dataclasses import dataclass, field

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.fetching.missing_parts import comments_lost
from tg_fetcher_dagster.storage.coverage import Loss
from tg_fetcher_dagster.telegram.comments import Comments
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster.telegram.records import Record
from tg_fetcher_dagster.telegram.rich import WholeMessage, is_in_part


@dataclass
class Completion:
    """What was asked for beside a page.

    Attributes:
        message: the message whole; None where it came whole, or cannot be had.
        comments: comments whole, by their id.
        users: who is mentioned in them.
        chats: the same of groups and channels.
        lost: what could not be had.
    """

    message: Record | None = None
    comments: dict[int, Record] = field(default_factory=dict)
    users: list[Record] = field(default_factory=list)
    chats: list[Record] = field(default_factory=list)
    lost: list[Loss] = field(default_factory=list)


@dataclass(frozen=True)
class Beside:
    """All that was read beside a message's page.

    Attributes:
        comments: below a channel's post; None where none were asked for.
        completion: None where nothing came in part.
        lost: what could not be had.
    """

    comments: Comments | None = None
    completion: Completion | None = None
    lost: tuple[Loss, ...] = ()


NOTHING = Beside()


async def read_beside(
    telegram: TelegramReader, identity: ChatIdentity, message: Record, *, limit: int | None
) -> Beside:
    """Reads what a message's page does not bring.

    Args:
        telegram: the account.
        identity: the chat.
        message: as its page gave it.
        limit: how many comments at most; None in a chat that has none.

    Raises:
        FetchError: (rate_limit, network, …) it cannot be read now.
    """
    comments = await comments_below(telegram, identity, message, limit) if limit is not None else None
    completion = await complete(telegram, identity, message, comments)
    lost = completion.lost if completion is not None else []
    cut = (
        comments_lost(message.id, comments, limit=limit)
        if comments is not None and limit is not None
        else None
    )
    return Beside(comments, completion, (*([cut] if cut else []), *lost))


async def comments_below(
    telegram: TelegramReader, identity: ChatIdentity, message: Record, limit: int
) -> Comments | None:
    """Reads what was written below a channel's post; no request where nothing was.

    Raises:
        FetchError: (rate_limit, network, …) they cannot be read now.
    """
    replies = message.value.get("replies") or {}
    if not replies.get("comments") or not replies.get("replies"):
        return None
    if not limit:
        return Comments(outcome="unavailable", reason="turned off by COMMENTS_LIMIT_PER_MESSAGE=0")
    return await telegram.comments(identity, message.id, limit, counted=int(replies["replies"]))


async def complete(
    telegram: TelegramReader, identity: ChatIdentity, message: Record, comments: Comments | None = None
) -> Completion | None:
    """Returns what was missing of a message and its comments; None where nothing came in part.

    Raises:
        FetchError: (auth, rate_limit, network) the day cannot be whole now.
    """
    in_part = [comment for comment in comments.messages if is_in_part(comment)] if comments else []
    if not in_part and not is_in_part(message):
        return None
    completion = Completion()
    if is_in_part(message):
        whole = await telegram.whole_message(identity, message)
        completion.message = whole.message
        _take(completion, whole, f"words of message {message.id}", message.id)
    for comment in in_part:
        whole = await telegram.whole_comment(
            identity, message.id, comment, comments.chats if comments else ()
        )
        if whole.message is not None:
            completion.comments[comment.id] = whole.message
        _take(completion, whole, f"words of comment {comment.id} on post {message.id}", message.id)
    return completion


def _take(completion: Completion, whole: WholeMessage, what: str, message_id: int) -> None:
    completion.users += whole.users
    completion.chats += whole.chats
    if whole.reason is not None:
        why = f"it came in part: {whole.reason}"
        completion.lost.append(Loss(what=what, why=why, first_id=message_id, last_id=message_id, count=1))
