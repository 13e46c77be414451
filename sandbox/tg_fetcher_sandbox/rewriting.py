"""Answers that are altered on their way out: a page without some messages, a count that lies, a stranger.

A test says in Python what shall be different; `faults.py` has the rules that need no Python.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from telethon.errors.common import TypeNotFoundError
from telethon.extensions import BinaryReader

from tg_fetcher_sandbox.history import Wire
from tg_fetcher_sandbox.rpc import Answer, Request, method_name

Change = Callable[[Answer, Request], Answer]
"""Takes a method's answer and the plain request; returns the answer to send, the same object or another."""

_LISTS = ("messages", "users", "chats")


class _Rewrite:
    def __init__(self, method: str, change: Change, *, after: int, times: int | None) -> None:
        self._method = method
        self._change = change
        self._after = after
        self._left = times

    def __call__(self, request: Request, answer: Answer) -> Answer:
        if not fnmatchcase(method_name(request), self._method) or self._left == 0:
            return answer
        if self._after:
            self._after -= 1
            return answer
        if self._left is not None:
            self._left -= 1
        return self._change(_opened(answer), request)


class Rewrites:
    """The changes in force, in their order."""

    def __init__(self) -> None:
        self._rewrites: list[_Rewrite] = []

    def add(self, method: str, change: Change, *, after: int = 0, times: int | None = None) -> None:
        """Puts a change in force, from any thread.

        Args:
            method: as Telegram spells it; `*` stands for anything.
            change: what is done to each answer.
            after: so many answers pass first.
            times: how often it acts; without end if not given.
        """
        self._rewrites = [*self._rewrites, _Rewrite(method, change, after=after, times=times)]

    def clear(self) -> None:
        """Ends every change."""
        self._rewrites = []

    def __call__(self, request: Request, answer: Answer) -> Answer:
        """Returns the answer after all changes."""
        for rewrite in self._rewrites:
            answer = rewrite(request, answer)
        return answer


def _opened(answer: Answer) -> Answer:
    """Returns an answer whose messages, users and chats are objects again and not ready bytes."""
    for name in _LISTS:
        items = getattr(answer, name, None)
        if isinstance(items, list):
            setattr(answer, name, [_object(item) for item in items])
    return answer


def _object(item: Any) -> Any:  # noqa: ANN401 - Telethon carries no types
    if not isinstance(item, Wire):
        return item
    try:
        return BinaryReader(bytes(item)).tgread_object()
    except (TypeNotFoundError, BufferError, ValueError):
        return item  # an exact message that no schema knows
