"""A raw file's lines, put together again to what they were written from. Pure.

Behind a post's `comments` line the people of its comments come before the comments themselves; any other line
after a message says that the message is over.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

RawValue = dict[str, Any]


@dataclass
class RawMessage:
    """A message of a raw file, with what was read below it.

    Attributes:
        value: the message, with its rich part whole where that was asked for.
        told: the `comments` line; None where no comments were asked for.
        comments: the comments, the oldest first.
    """

    value: RawValue
    told: RawValue | None = None
    comments: list[RawValue] = field(default_factory=list)

    @property
    def awaits_comments(self) -> bool:
        """True where more comments were announced than have come."""
        return self.told is not None and len(self.comments) < self.told["count"]


def with_whole(value: RawValue, whole: RawValue) -> RawValue:
    """Returns a message as its page gave it, with the rich part of the one that was asked for."""
    rich = whole.get("rich_message")
    return {**value, "rich_message": rich} if rich else value


def assembled(lines: Iterable[RawValue]) -> Iterator[RawMessage | RawValue]:
    """Yields messages and, as they are, the lines of users and chats, before the message that needs them."""
    current: RawMessage | None = None
    for line in lines:
        kind = line["kind"]
        if current is not None and kind == "comments":
            current.told = line
        elif current is not None and kind == "comment":
            current.comments.append(line["value"])
        elif current is not None and kind == "whole":
            _complete(current, line)
        elif kind == "message":
            if current is not None:
                yield current
            current = RawMessage(line["value"])
        elif kind in {"user", "chat"}:
            if current is not None and not current.awaits_comments:
                yield current
                current = None
            yield line
    if current is not None:
        yield current


def _complete(current: RawMessage, line: RawValue) -> None:
    if line["comment"] and not current.comments:
        raise ValueError("a whole comment without the comment that came in part")
    if line["comment"]:
        current.comments[-1] = with_whole(current.comments[-1], line["value"])
    else:
        current.value = with_whole(current.value, line["value"])


def account_of(lines: Iterable[RawValue]) -> int | None:
    """Returns the user id of the account that read a day, from the head or, in older files, from its people.

    None where the file says it nowhere.
    """
    for line in lines:
        if line.get("account_user_id") is not None:
            return int(line["account_user_id"])
        value = line.get("value") or {}
        if line["kind"] == "user" and value.get("is_self"):
            return int(value["id"])
        author = value.get("from_id") or {}
        if line["kind"] == "message" and value.get("out") and author.get("_") == "PeerUser":
            return int(author["user_id"])
    return None
