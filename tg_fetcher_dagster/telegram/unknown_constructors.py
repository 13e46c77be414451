"""Reads around what this version cannot read: one unknown constructor costs its message, not the page.

Telegram may send a newer constructor in any answer (telegram.md, 20 and 34). The page is then asked for in
smaller pieces until the piece that fails is one message.
"""

from typing import Any

import structlog

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.errors import UnknownConstructorError
from tg_fetcher_dagster.telegram.pages import PAGE, Anchor, Answer, Hole, page_request
from tg_fetcher_dagster.telegram.requests import Send

log = structlog.get_logger(__name__)

BUDGET = 15
"""Requests that one page may cost: halving a hundred messages takes two a step, and seven steps."""


async def read_page(send: Send, peer: Any, anchor: Anchor, *, about: str) -> Answer:  # noqa: ANN401
    """Returns a page; a message that cannot be read is a hole in it.

    Raises:
        FetchError: the request failed; (internal) more than single messages cannot be read, as where the
            unknown constructor rides in the users or chats of every answer.
    """
    try:
        return Answer.of(await send(page_request(peer, anchor), about=about), anchor)
    except FetchError as error:
        if not is_unknown_constructor(error):
            raise
        log.warning("a page cannot be read and is read in pieces", about=about, reason=error.message)
        pieces = _Pieces(send, peer, anchor, about=about, failure=error)
        return await pieces.read()


def is_unknown_constructor(error: FetchError) -> bool:
    """True where Telegram sent something newer than this Telethon."""
    return isinstance(error, UnknownConstructorError)


class _Pieces:
    """One page, read in pieces around the messages that cannot be read."""

    def __init__(
        self,
        send: Send,
        peer: Any,  # noqa: ANN401 - Telethon is untyped
        anchor: Anchor,
        *,
        about: str,
        failure: FetchError,
    ) -> None:
        self._send = send
        self._peer = peer
        self._anchor = anchor
        self._about = about
        self._failure = failure
        self._left = BUDGET
        self._read: dict[int, Answer] = {}
        self._unreadable: list[int] = []

    async def read(self) -> Answer:
        """Returns what can be read of the page, with a hole for each message that cannot."""
        await self._split(0, PAGE)
        parts = [self._read[place] for place in sorted(self._read)]
        if not parts:
            raise self._alarm()
        first = parts[0]
        for part in parts[1:]:
            first = first.with_messages(part.messages, part)
        known = {place: part for place, part in self._read.items() if part.messages}
        return Answer(
            messages=first.messages,
            users=first.users,
            chats=first.chats,
            anchor=self._anchor,
            count=None,  # what the pieces say of the list is not what the page would say
            offset=None,
            is_all=False,
            holes=tuple(self._hole(place, known) for place in self._unreadable),
        )

    async def _split(self, place: int, size: int) -> None:
        half = size // 2
        first_is_readable = await self._piece(place, half)
        # A piece that fails although its first half does not fails for its second half.
        await self._piece(place + half, size - half, is_readable=False if first_is_readable else None)

    async def _piece(self, place: int, size: int, *, is_readable: bool | None = None) -> bool:
        """Reads the messages at these places below the anchor; returns whether that went at once."""
        if is_readable is None:
            is_readable = await self._ask(place, size)
        if is_readable:
            return True
        if size > 1:
            await self._split(place, size)
            return False
        if self._unreadable and self._unreadable[-1] == place - 1:
            raise self._alarm()
        self._unreadable.append(place)
        return False

    async def _ask(self, place: int, size: int) -> bool:
        if self._left == 0:
            raise self._alarm()
        self._left -= 1
        anchor = self._anchor.moved(place)
        try:
            answer = await self._send(page_request(self._peer, anchor, limit=size), about=self._about)
        except FetchError as error:
            if not is_unknown_constructor(error):
                raise
            return False
        self._read[place] = Answer.of(answer, anchor)
        return True

    def _hole(self, place: int, known: dict[int, Answer]) -> Hole:
        above = [part.lowest_id for at, part in known.items() if at < place]
        below = [part.top_id for at, part in known.items() if at > place]
        return Hole(
            what="a message",
            why=self._failure.message,
            first_id=max(below, default=0) + 1,
            last_id=(min(above) if above else self._anchor.offset_id or max(below, default=0) + 2) - 1,
            count=1,
        )

    def _alarm(self) -> FetchError:
        return FetchError(
            ErrorType.INTERNAL,
            f"{self._failure.message}; more than single messages cannot be read: a newer version is needed",
        )
