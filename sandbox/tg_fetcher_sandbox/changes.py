"""What was changed in a world since it was made: messages edited, deleted, written later, or put in exactly.

The posts that a scenario makes are never touched; whoever reads a chat reads them through these changes, so
that the bytes and the truth both follow.
"""

from collections.abc import Iterable, Iterator, Mapping

from tg_fetcher_sandbox.exact_messages import Exact
from tg_fetcher_sandbox.posts import Post


class Changes:
    """What was changed, by the chat's name and the message's number."""

    def __init__(self) -> None:
        self._changed: dict[str, dict[int, Post | None]] = {}
        self._exact: dict[str, dict[int, Exact]] = {}
        self._whole: dict[str, dict[int, Exact]] = {}

    def change(self, chat_name: str, number: int, post: Post | None) -> None:
        """Puts a post in the place of another one, behind the newest, or (None) nothing."""
        self._changed.setdefault(chat_name, {})[number] = post
        if post is None:
            self._exact.get(chat_name, {}).pop(number, None)

    def put(self, chat_name: str, messages: Iterable[Exact]) -> None:
        """Lets messages stand exactly as they are; one of the same number gives way."""
        self._exact.setdefault(chat_name, {}).update((message.number, message) for message in messages)

    def exact(self, chat_name: str) -> Mapping[int, Exact]:
        """Returns a chat's exact messages by their number."""
        return self._exact.get(chat_name, {})

    def put_whole(self, chat_name: str, messages: Iterable[Exact]) -> None:
        """Keeps the whole of messages that stand in the chat in part."""
        self._whole.setdefault(chat_name, {}).update((message.number, message) for message in messages)

    def whole(self, chat_name: str, number: int) -> Exact | None:
        """Returns the whole of a message that stands in part; None where it was not given."""
        return self._whole.get(chat_name, {}).get(number)

    def posts(self, chat_name: str, made: Iterable[Post], *, from_second: int) -> Iterator[Post]:
        """Gives a chat's posts, oldest first, as they are after all changes.

        Args:
            chat_name: whose they are.
            made: as the scenario made them.
            from_second: older ones are hidden.
        """
        changed = dict(self._changed.get(chat_name, {}))
        for original in made:
            post = changed.pop(original.id, original)
            if post is not None and post.at >= from_second:
                yield post
        yield from (post for post in changed.values() if post is not None)
