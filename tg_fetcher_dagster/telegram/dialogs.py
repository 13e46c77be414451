"""The account's dialogs, page by page: what it can read without knowing a name."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from telethon.tl import functions, types

from tg_fetcher_dagster.telegram.peers import by_marked_id, input_peer, marked_id_of
from tg_fetcher_dagster.telegram.requests import Send

log = structlog.get_logger(__name__)

PAGE = 100
"""The most that one answer holds: https://core.telegram.org/method/messages.getDialogs."""


@dataclass(frozen=True, slots=True)
class DialogSeen:
    """One dialog.

    Attributes:
        marked_id: whose it is.
        entity: Telethon's user, group or channel.
        top_message_id: the newest message's id.
        last_message_at: its date, aware; None where Telegram tells none.
    """

    marked_id: int
    entity: Any
    top_message_id: int
    last_message_at: datetime | None


async def walk_dialogs(send: Send) -> AsyncIterator[DialogSeen]:
    """Yields each dialog once, pinned and newest first; one request for a hundred.

    A list that Telegram counts longer than what it gives is told in the log.
    """
    seen: set[int] = set()
    offset_date, offset_id, offset_peer = None, 0, types.InputPeerEmpty()
    while True:
        answer = await send(
            functions.messages.GetDialogsRequest(
                offset_date=offset_date,
                offset_id=offset_id,
                offset_peer=offset_peer,
                limit=PAGE,
                hash=0,
                exclude_pinned=bool(seen) or None,
            ),
            about="the account's dialogs",
        )
        fresh = [each for each in _read(answer) if each.marked_id not in seen]
        for each in fresh:
            seen.add(each.marked_id)
            yield each
        if not isinstance(answer, types.messages.DialogsSlice) or len(seen) >= answer.count:
            return
        if not fresh:
            log.warning("Telegram gave fewer dialogs than it counts", count=answer.count, given=len(seen))
            return
        # A dialog without a message has no date of its own: after a page of such ones the former date holds.
        last = next((each for each in reversed(fresh) if each.last_message_at), fresh[-1])
        offset_date, offset_id = last.last_message_at or offset_date, last.top_message_id
        offset_peer = input_peer(last.marked_id, getattr(last.entity, "access_hash", None))


def _read(answer: Any) -> list[DialogSeen]:  # noqa: ANN401 - Telethon is untyped
    entities = by_marked_id((*answer.users, *answer.chats))
    dates = _top_dates(answer)
    found = []
    for dialog in answer.dialogs:
        if isinstance(dialog, types.DialogFolder):
            continue  # the archive folder's own line
        marked_id = marked_id_of(dialog.peer) if isinstance(dialog, types.Dialog) else None
        if marked_id is None:
            log.info("left out: no chat's dialog", constructor=type(dialog).__name__)
            continue
        entity = entities.get(marked_id)
        if entity is not None:
            when = dates.get((marked_id, dialog.top_message))
            found.append(DialogSeen(marked_id, entity, dialog.top_message, when))
    return found


def _top_dates(answer: Any) -> dict[tuple[int | None, int], datetime]:  # noqa: ANN401 - Telethon is untyped
    """Returns the dates of an answer's messages by chat and id."""
    return {
        (marked_id_of(message.peer_id), message.id): message.date
        for message in answer.messages
        if message.peer_id is not None and getattr(message, "date", None) is not None
    }
