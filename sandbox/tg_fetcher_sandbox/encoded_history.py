"""Turns a chat's posts into its history: bytes in the order of their ids, as one account numbers them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from telethon.tl import types

from tg_fetcher_sandbox.chats import Chat
from tg_fetcher_sandbox.encoding import GENERAL_TOPIC, message_bytes, tl_peer
from tg_fetcher_sandbox.exact_messages import Exact
from tg_fetcher_sandbox.history import History
from tg_fetcher_sandbox.posts import Post, bare

RECENT_REPLIERS = 3


@dataclass(frozen=True, slots=True)
class Comments:
    """Where a channel's comments are.

    Attributes:
        group: the discussion group's marked id.
        history: the group's messages.
    """

    group: int
    history: History

    def under(self, root: int) -> Any:  # noqa: ANN401 - Telethon carries no types
        """Returns what a post says of its comments, which begin at this id of the group."""
        places = self.history.threads.get(root, ())
        repliers = self.history.peers(places[-RECENT_REPLIERS:])
        return types.MessageReplies(
            replies=len(places),
            replies_pts=self.history.top_id,
            comments=True,
            channel_id=bare(self.group),
            max_id=self.history.ids[places[-1]] if places else root,
            recent_repliers=[tl_peer(peer) for peer in sorted(repliers)] or None,
        )


def encoded_history(
    posts: Iterable[Post],
    *,
    chat: Chat,
    number: Callable[[int], int],
    viewer: int | None,
    exact: Iterable[Exact],
    comments: Comments | None,
) -> History:
    """Returns a chat's history.

    Args:
        posts: what was written, oldest first.
        chat: where.
        number: how the account numbers the chat's messages.
        viewer: the account's user, where the messages stand in a box of its own.
        exact: messages that stand just as they are; a post of the same id gives way.
        comments: of a channel that has a discussion group.
    """
    history = History()
    waiting = sorted(exact, key=lambda message: message.number, reverse=True)
    given = {message.number for message in waiting}
    for post in posts:
        if number(post.id) in given:
            continue
        while waiting and waiting[-1].number < number(post.id):
            _add_exact(history, waiting.pop())
        body = message_bytes(
            post,
            peer=chat.peer,
            number=number,
            viewer=viewer,
            replies=comments.under(post.root) if comments is not None and post.root is not None else None,
            broadcast=chat.is_broadcast,
        )
        _add_post(history, post, number=number, body=body)
    while waiting:
        _add_exact(history, waiting.pop())
    if chat.spec.topics:
        history.topics[GENERAL_TOPIC] = "General"
    return history


def _add_post(history: History, post: Post, *, number: Callable[[int], int], body: bytes) -> None:
    thread = number(post.thread) if post.thread is not None else None
    if post.topic == GENERAL_TOPIC:
        thread = GENERAL_TOPIC
    history.add(number(post.id), post.at, body, peers=post.mentioned(), thread=thread)
    if post.root is not None:
        history.roots[post.id] = post.root
    if post.action is not None and post.action.kind == "topic":
        history.topics[post.id] = post.action.title


def _add_exact(history: History, message: Exact) -> None:
    history.add(message.number, message.at, message.body, peers=message.peers, thread=message.thread)
