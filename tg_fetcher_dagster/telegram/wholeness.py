"""Holds pages of one list against each other: what the next one counts shows what this one lacks.

Each page says how many messages the chat has and how many stand above it. So the number below a page is known
twice, from it and from the next one; where the two differ, Telegram is asked again, and what stays missing
is named (telegram.md, 7 and 8).
"""

from dataclasses import replace
from typing import Any

import structlog
from telethon.tl import functions, types

from tg_fetcher_dagster.telegram.pages import PAGE, Answer, Hole
from tg_fetcher_dagster.telegram.requests import Send
from tg_fetcher_dagster.telegram.unknown_constructors import read_page

log = structlog.get_logger(__name__)

MOST_IDS = 300
"""Ids that are asked for one by one to find what a page lacks: three requests."""

DOUBTS = 2
"""So often the counts may be wrong and nothing missing; then the chat's counts are worth nothing."""


class Wholeness:
    """Looks after the pages of one walk."""

    def __init__(self, send: Send, peer: Any, *, about: str) -> None:  # noqa: ANN401 - Telethon is untyped
        self._send = send
        self._peer = peer
        self._about = about
        self._doubts = 0

    async def mended(self, page: Answer, following: Answer | None) -> Answer:
        """Returns a page with all that stands between its anchor and the page that follows it.

        No request where the two agree, or say nothing.

        Args:
            page: the page.
            following: the next one down; None where it is proved that nothing stands below the page.

        Raises:
            FetchError: the request that was sent to find out failed.
        """
        missing = _missing(page, following)
        if missing <= 0 or self._doubts >= DOUBTS:
            return page
        log.warning("a page lacks messages", about=self._about, missing=missing, below_id=page.top_id)
        # A message below that was deleted meanwhile looks the same: the page as it is now tells them apart.
        again = await read_page(self._send, self._peer, page.anchor, about=self._about)
        page = _joined(page, again, above=following.top_id if following is not None else 0)
        missing = _missing(page, following)
        if missing <= 0:
            return page
        return await self._by_ids(page, following, missing)

    async def _by_ids(self, page: Answer, following: Answer | None, missing: int) -> Answer:
        first = following.top_id + 1 if following is not None else page.lowest_id
        last = (page.anchor.offset_id or page.top_id + 1) - 1
        known = {message.id for message in page.messages}
        unknown = [number for number in range(first, last + 1) if number not in known]
        if isinstance(self._peer, types.InputPeerChannel) and len(unknown) <= MOST_IDS:
            mended = await self._with_those_there(page, unknown)
            if len(mended.messages) == len(page.messages):
                self._doubts += 1
            # What has no message by its id is deleted, whatever the count says.
            return mended
        self._doubts += 1
        hole = Hole(
            what=f"about {missing} messages",
            why="Telegram counts them and did not give them",
            first_id=first,
            last_id=last,
            count=missing,
        )
        return replace(page, holes=(*page.holes, hole))

    async def _with_those_there(self, page: Answer, numbers: list[int]) -> Answer:
        """Returns a page with those of these messages that are there."""
        channel = types.InputChannel(self._peer.channel_id, self._peer.access_hash)
        for place in range(0, len(numbers), PAGE):
            ids = [types.InputMessageID(number) for number in numbers[place : place + PAGE]]
            answer = await self._send(functions.channels.GetMessagesRequest(channel, ids), about=self._about)
            found = [each for each in answer.messages if not isinstance(each, types.MessageEmpty)]
            page = page.with_messages(found, Answer.of(answer, page.anchor))
        return page


def _missing(page: Answer, following: Answer | None) -> int:
    """Returns how many messages must stand between two pages and are on neither."""
    below = following.at_or_below if following is not None else 0
    return 0 if page.below is None or below is None else page.below - below


def _joined(page: Answer, again: Answer, *, above: int) -> Answer:
    """Returns a page with what its second reading has more, and with what that one counts."""
    more = [message for message in again.messages if message.id > above]
    joined = page.with_messages(more, again)
    offset = again.offset
    if offset is not None and again.messages:
        offset -= sum(message.id > again.top_id for message in joined.messages)
    return replace(joined, count=again.count, offset=offset, holes=(*page.holes, *again.holes))
