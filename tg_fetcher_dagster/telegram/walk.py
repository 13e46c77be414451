"""The walk over a chat's history: raw pages, newest first, with the next one always on its way.

Rules and costs are telegram.md, 1 to 3: a page is anchored once by the range's end and then by the oldest id
seen, so a request that is sent again after a broken connection gives the same page: no gap, no repeat.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from telethon.tl import functions, types

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.peers import own_entity
from tg_fetcher_dagster.telegram.records import Record, record_of
from tg_fetcher_dagster.telegram.requests import Send

log = structlog.get_logger(__name__)

PAGE = 100
"""The most that one answer holds: https://core.telegram.org/method/messages.getHistory."""

_TURNS_UNTIL_SENT = 12
"""Turns of the event loop that a request needs from its task through Telethon's queues to the socket."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer's messages inside the range.

    Attributes:
        messages: newest first.
        users: who wrote or is mentioned, as Telegram gave them.
        chats: the same of groups and channels.
        count: how many messages the chat holds, where Telegram says so.
        offset_id_offset: how many of them are newer than this answer's first one.
        own: Telethon's user or chat that is read, as the answer has it; None where it does not tell of it.
    """

    messages: tuple[Record, ...]
    users: tuple[Record, ...]
    chats: tuple[Record, ...]
    count: int | None
    offset_id_offset: int | None
    own: Any = None


async def walk(
    send: Send,
    peer: Any,  # noqa: ANN401 - Telethon is untyped
    *,
    start: datetime,
    end: datetime,
    about: str,
) -> AsyncGenerator[Page, None]:
    """Yields the messages with `start <= date < end`, newest first, page by page.

    `floor(N / 100) + 1` requests for N messages. The next page is asked for before the present one is
    yielded: whoever maps and writes a page does so while the next one travels. Close the iterator
    (`contextlib.aclosing`) when leaving early.

    Args:
        send: the account's way to Telegram.
        peer: the chat's input peer.
        start: aware; the range's first moment.
        end: aware; the first moment after the range.
        about: what an error's line is about: `chat ru_python`.

    Raises:
        FetchError: the walk cannot go on; pages that were yielded are whole.
    """
    answer = await _answer(send, _request(peer, offset_id=0, offset_date=end), about)
    says_more = int(getattr(answer, "count", 0)) > 0 and not answer.offset_id_offset
    if not answer.messages and says_more:
        await _prove_that_all_is_newer(send, peer, end, about)
    ahead: asyncio.Task[Any] | None = None
    try:
        while answer is not None:
            oldest = _oldest_id_to_go_on_from(answer, start)
            if oldest is not None:
                request = _request(peer, offset_id=oldest, offset_date=None)
                ahead = asyncio.create_task(_answer(send, request, about))
                for _ in range(_TURNS_UNTIL_SENT):
                    await asyncio.sleep(0)
            else:
                ahead = None
            page = _page(answer, peer, start=start, end=end)
            if page.messages:
                yield page
            answer = await ahead if ahead is not None else None
    finally:
        if ahead is not None:
            ahead.cancel()
            await asyncio.wait([ahead])
            if not ahead.cancelled():
                ahead.exception()  # looked at: whoever has left does not care for it


async def _answer(send: Send, request: Any, about: str) -> Any:  # noqa: ANN401 - Telethon is untyped
    """Returns a page; an empty one whose own count says that more is there is asked for once more.

    Raises:
        FetchError: (network) it came back empty again: days below it would look as if nobody wrote.
    """
    answer = await send(request, about=about)
    if _contradicts_itself(answer):
        log.warning("an empty page although more is there", about=about, count=answer.count)
        answer = await send(request, about=about)
        if _contradicts_itself(answer):
            raise FetchError(
                ErrorType.NETWORK,
                f"{about}: Telegram gave an empty page twice although it counts {answer.count} messages",
            )
    return answer


async def _prove_that_all_is_newer(send: Send, peer: Any, end: datetime, about: str) -> None:  # noqa: ANN401
    """Asks for the oldest message, where a first page is empty and its count says that there are messages.

    Raises:
        FetchError: (network) a message is older than `end`, or there is still none: the page was wrong.
    """
    oldest = await send(oldest_message(peer), about=about)
    dates = [message.date for message in oldest.messages if getattr(message, "date", None) is not None]
    if not dates or min(dates) < end:
        raise FetchError(
            ErrorType.NETWORK, f"{about}: Telegram gave an empty page although there are older messages"
        )


def _contradicts_itself(answer: Any) -> bool:  # noqa: ANN401 - Telethon is untyped
    newer = getattr(answer, "offset_id_offset", None)
    return not answer.messages and newer is not None and not answer.inexact and newer < answer.count


def oldest_message(peer: Any) -> Any:  # noqa: ANN401 - Telethon is untyped
    """Returns the request for a chat's oldest message: one step back from id 1, below which nothing is."""
    return _request(peer, offset_id=1, offset_date=None, add_offset=-1, limit=1)


def _request(
    peer: Any,  # noqa: ANN401 - Telethon is untyped
    *,
    offset_id: int,
    offset_date: datetime | None,
    add_offset: int = 0,
    limit: int = PAGE,
) -> Any:  # noqa: ANN401 - Telethon is untyped
    return functions.messages.GetHistoryRequest(
        peer=peer,
        offset_id=offset_id,
        offset_date=offset_date,
        add_offset=add_offset,
        limit=limit,
        max_id=0,
        min_id=0,
        hash=0,
    )


def _oldest_id_to_go_on_from(answer: Any, start: datetime) -> int | None:  # noqa: ANN401 - Telethon is untyped
    """Returns the id below which the walk goes on, or None where the answer proves that it is over."""
    messages = answer.messages
    if not messages:
        return None
    oldest = min(messages, key=_id)
    dated = [message for message in messages if getattr(message, "date", None) is not None]
    if dated and min(dated, key=_id).date < start:
        return None
    if isinstance(answer, types.messages.Messages):  # not a slice: Telegram has given all there is
        return None
    if oldest.id <= 1:
        return None
    # A short page alone is no end (telegram.md, 2), but Telegram's own count of what is newer and in all is.
    newer = answer.offset_id_offset
    known = len(messages) < PAGE and newer is not None and not answer.inexact
    return None if known and newer + len(messages) >= answer.count else int(oldest.id)


def _id(message: Any) -> int:  # noqa: ANN401 - Telethon is untyped
    return int(message.id)


def _page(answer: Any, peer: Any, *, start: datetime, end: datetime) -> Page:  # noqa: ANN401
    inside = [
        message
        for message in answer.messages
        if not isinstance(message, types.MessageEmpty) and start <= message.date < end
    ]
    return Page(
        messages=tuple(record_of(message) for message in inside),
        users=tuple(record_of(user) for user in answer.users) if inside else (),
        chats=tuple(record_of(chat) for chat in answer.chats) if inside else (),
        count=getattr(answer, "count", None),
        offset_id_offset=getattr(answer, "offset_id_offset", None),
        own=own_entity(answer, peer),
    )
