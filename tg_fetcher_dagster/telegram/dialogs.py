"""The account's dialogs, page by page: what it can read without knowing a name."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telethon.tl import functions, types

from tg_fetcher_dagster.telegram.peers import input_peer, marked_id_of
from tg_fetcher_dagster.telegram.requests import RequestLine

PAGE = 100
"""The most that one answer holds: https://core.telegram.org/method/messages.getDialogs."""


@dataclass(frozen=True, slots=True)
class DialogSeen:
    """One dialog.

    Attributes:
        entity: Telethon's user, group or channel.
        top_message_id: the newest message's id.
        last_message_at: its date, aware; None where Telegram tells none.
    """

    entity: Any
    top_message_id: int
    last_message_at: datetime | None


async def walk_dialogs(send: RequestLine) -> AsyncIterator[DialogSeen]:
    """Yields each dialog once, pinned and newest first; one request for a hundred."""
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
        fresh = [each for each in _read(answer) if marked_id_of(each.entity) not in seen]
        for each in fresh:
            seen.add(marked_id_of(each.entity))
            yield each
        if not isinstance(answer, types.messages.DialogsSlice) or not fresh:
            return
        last = next((each for each in reversed(fresh) if each.last_message_at), None)
        if last is None or len(seen) >= answer.count:
            return
        offset_date, offset_id = last.last_message_at, last.top_message_id
        offset_peer = input_peer(marked_id_of(last.entity), getattr(last.entity, "access_hash", None))


def _read(answer: Any) -> list[DialogSeen]:  # noqa: ANN401 - Telethon is untyped
    entities = entities_of(answer)
    dates = top_dates(answer)
    found = []
    for dialog in answer.dialogs:
        if not isinstance(dialog, types.Dialog):
            continue  # the archive folder's own line
        marked_id = marked_id_of(dialog.peer)
        entity = entities.get(marked_id)
        if entity is not None:
            found.append(DialogSeen(entity, dialog.top_message, dates.get((marked_id, dialog.top_message))))
    return found


def entities_of(answer: Any) -> dict[int, Any]:  # noqa: ANN401 - Telethon is untyped
    """Returns an answer's users and chats by marked id."""
    return {marked_id_of(entity): entity for entity in (*answer.users, *answer.chats)}


def top_dates(answer: Any) -> dict[tuple[int, int], datetime]:  # noqa: ANN401 - Telethon is untyped
    """Returns the dates of an answer's messages by chat and id."""
    return {
        (marked_id_of(message.peer_id), message.id): message.date
        for message in answer.messages
        if message.peer_id is not None and getattr(message, "date", None) is not None
    }
