"""The walk over a chat's history: raw pages, newest first, with the next one always on its way.

Rules and costs are telegram.md, 1 to 3: a page is anchored once by the range's end and then by the oldest id
seen, so a request that is sent again after a broken connection gives the same page: no gap, no repeat. A
walk that comes to its end has proved it: by neighbours older than its range, by the first id there can be,
or by the chat's oldest message.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from enum import Enum, auto
from typing import Any

import structlog

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.access import own_entity, require_access
from tg_fetcher_dagster.telegram.beginning import Beginning
from tg_fetcher_dagster.telegram.edges import LowerEdge, Stretch, count_newer
from tg_fetcher_dagster.telegram.pages import PAGE, Anchor, Answer, Page, is_empty
from tg_fetcher_dagster.telegram.records import record_of
from tg_fetcher_dagster.telegram.requests import Send
from tg_fetcher_dagster.telegram.unknown_constructors import read_page
from tg_fetcher_dagster.telegram.wholeness import Wholeness

log = structlog.get_logger(__name__)

LEAVING = 0.001
"""Seconds in which the request for the next page is written to the socket; then the work on the present one
begins, which nothing interrupts, and is done while the answer is on its way."""


class _Next(Enum):
    PAGE = auto()
    PROOF = auto()
    NOTHING = auto()


class HistoryWalk:
    """One walk over one chat.

    `floor((N + margin) / 100) + 1` requests for N messages, where the margin is the neighbours that prove the
    edges; one more where the walk comes to the beginning of the chat and its first message is not number 1.

    Args:
        send: the account's way to Telegram.
        peer: the chat's input peer.
        stretch: what to go over.
        marked_id: the chat's marked id, by which the answers name it.
        is_past: the chat is a basic group that became a supergroup, and is read as that one's past.
        has_migrated: it became one, and is read as a chat of its own all the same.
        about: what an error's line is about: `chat ru_python`.
    """

    def __init__(
        self,
        send: Send,
        peer: Any,  # noqa: ANN401 - Telethon is untyped
        stretch: Stretch,
        *,
        marked_id: int,
        is_past: bool = False,
        has_migrated: bool = False,
        about: str,
    ) -> None:
        self._send = send
        self._peer = peer
        self._stretch = stretch
        self._marked_id = marked_id
        self._is_past = is_past
        self._may_have_migrated = is_past or has_migrated
        self._about = about
        self._edge = LowerEdge(stretch.start, stretch.edges)
        self._wholeness = Wholeness(send, peer, about=about)
        self._beginning = Beginning(send, peer, about=about)

    async def pages(self) -> AsyncGenerator[Page, None]:
        """Yields the range's pages, newest first; the last one says whether the chat begins there.

        Close the iterator (`contextlib.aclosing`) when leaving early.

        Raises:
            ChatMigratedError: the basic group is a supergroup now.
            FetchError: the walk cannot go on; pages that were yielded are whole.
        """
        first = await self._first()
        answers = self._looking_ahead(first) if self._stretch.look_ahead else self._one_by_one(first)
        async with aclosing(answers) as closing:
            async for answer, is_last in closing:
                is_beginning = is_last and self._beginning.is_reached
                yield self._page(answer, is_beginning=is_beginning)

    async def _one_by_one(self, first: Answer) -> AsyncGenerator[tuple[Answer, bool], None]:
        answer: Answer | None = first
        while answer is not None:
            step = self._next_after(answer)
            yield answer, step is _Next.NOTHING
            answer = await self._follow(step, answer)

    async def _looking_ahead(self, first: Answer) -> AsyncGenerator[tuple[Answer, bool], None]:
        """Gives a page away when the one after it has shown what it lacks, and the next one is on its way."""
        held, answer = first, await self._ahead(first)
        given_to: int | None = None
        while answer is not None:
            following = asyncio.create_task(self._ahead(answer))
            try:
                await asyncio.wait([following], timeout=LEAVING)
                # What was missing may have been found for two neighbouring pages.
                page = _below(given_to, await self._wholeness.mended(held, answer))
                given_to = page.lowest_id if page.messages else given_to
                yield page, False
                held, answer = answer, await following
            finally:
                await _ended(following)
        if held.messages and self._beginning.is_reached:
            held = await self._wholeness.mended(held, None)
        yield _below(given_to, held), True

    async def _ahead(self, answer: Answer) -> Answer | None:
        return await self._follow(self._next_after(answer), answer)

    async def _first(self) -> Answer:
        """Returns the page at the range's end, from its neighbours above on.

        The place of a date in the list is a count, so that a message out of order can move it: where the
        page does not begin with neighbours although there are some, what is above is read too.
        """
        wanted = self._stretch.edges.messages
        answer = await self._read(Anchor(offset_date=self._stretch.end, add_offset=-wanted))
        if not answer.messages:
            answer = await self._nothing_came(answer)
        for _ in range(self._stretch.edges.pages):
            if not answer.messages or not answer.offset:
                break
            if count_newer(answer.messages, self._stretch.end) >= wanted:
                break
            newer = await self._read(Anchor(offset_id=answer.top_id, add_offset=-PAGE))
            if not newer.messages or newer.top_id <= answer.top_id:
                break
            # Two pages that share a message leave nothing out; else the walk begins at the upper one.
            answer = answer.under(newer) if newer.lowest_id <= answer.top_id else newer
        return answer

    async def _nothing_came(self, answer: Answer) -> Answer:
        """Returns what came at the second try, or the empty answer where the chat is shown to be empty.

        Raises:
            FetchError: (network) the answers do not show that nobody wrote.
        """
        if answer.count:
            log.warning("an empty page although more is there", about=self._about, count=answer.count)
            again = await self._read(Anchor(offset_date=self._stretch.end))
            if again.messages:
                return again
            if not await self._beginning.is_not_before(self._stretch.end):
                raise FetchError(
                    ErrorType.NETWORK,
                    f"{self._about}: Telegram gave an empty page twice although it counts"
                    f" {answer.count} messages",
                )
        if self._marked_id < 0 and own_entity(answer, self._marked_id) is None:
            raise FetchError(
                ErrorType.NETWORK,
                f"{self._about}: Telegram's empty answer does not show that the chat can be read",
            )
        return answer

    def _next_after(self, answer: Answer) -> _Next:
        if not answer.messages:
            self._beginning.is_reached = True
            return _Next.NOTHING
        lowest = answer.lowest_id
        self._edge.take(answer.messages)
        known = self._stretch.known_id
        if self._edge.is_passed or (known is not None and lowest <= known):
            return _Next.NOTHING
        if self._beginning.is_known_at(lowest):
            return _Next.NOTHING
        # Telegram's count alone proves no end, but where it says so the oldest message is worth asking for.
        says_end = answer.is_all or (answer.below is not None and answer.below <= 0)
        return _Next.PROOF if says_end and not self._beginning.was_asked else _Next.PAGE

    async def _follow(self, what: _Next, answer: Answer) -> Answer | None:
        """Returns the next page down; None where the walk has come to its end.

        Raises:
            FetchError: (network) nothing comes although there is an older message.
        """
        if what is _Next.NOTHING:
            return None
        lowest = answer.lowest_id
        if what is _Next.PROOF and await self._beginning.is_at(lowest):
            return None
        anchor = Anchor(offset_id=lowest)
        following = (await self._read(anchor)).below_id(lowest)
        if not following.messages and following.count is not None and answer.below != 0:
            log.warning("an empty page although more is there", about=self._about, count=following.count)
            following = (await self._read(anchor)).below_id(lowest)
        if following.messages:
            return following
        if await self._beginning.is_at(lowest, now=True):
            return None
        raise FetchError(
            ErrorType.NETWORK,
            f"{self._about}: Telegram gave an empty page although there is an older message"
            f" (number {self._beginning.oldest_id})",
        )

    async def _read(self, anchor: Anchor) -> Answer:
        answer = await read_page(self._send, self._peer, anchor, about=self._about)
        if not self._may_have_migrated:
            require_access(own_entity(answer, self._marked_id), about=self._about)
        return answer

    def _page(self, answer: Answer, *, is_beginning: bool) -> Page:
        return Page(
            messages=tuple([record_of(message) for message in answer.messages if not is_empty(message)]),
            users=tuple([record_of(user) for user in answer.users]),
            chats=tuple([record_of(chat) for chat in answer.chats]),
            own=own_entity(answer, self._marked_id),
            holes=answer.holes,
            is_beginning=is_beginning,
            is_past=self._is_past,
        )


def _below(number: int | None, answer: Answer) -> Answer:
    return answer if number is None else answer.below_id(number)


async def _ended(task: asyncio.Task[Any]) -> None:
    """Ends a request that nobody waits for any more."""
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # looked at: whoever has left does not care for it
