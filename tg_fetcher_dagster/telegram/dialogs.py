"""The account's dialogs, page by page: what it can read without knowing a name."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from telethon.tl import functions, types

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.peers import by_marked_id, input_peer, marked_id_of
from tg_fetcher_dagster.telegram.requests import Send

log = structlog.get_logger(__name__)

PAGE = 100
"""The most that one answer holds: https://core.telegram.org/method/messages.getDialogs."""

PEERS_A_CALL = 100
"""messages.getPeerDialogs takes so many peers: https://core.telegram.org/method/messages.getPeerDialogs."""


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
        fresh = [each for each in _read(answer) if each.marked_id not in seen]
        for each in fresh:
            seen.add(each.marked_id)
            yield each
        if not isinstance(answer, types.messages.DialogsSlice) or not fresh:
            return
        last = next((each for each in reversed(fresh) if each.last_message_at), None)
        if last is None or len(seen) >= answer.count:
            return
        offset_date, offset_id = last.last_message_at, last.top_message_id
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


async def newest_messages(send: Send, peers: Mapping[int, Any]) -> dict[int, tuple[int, datetime]]:
    """Returns each chat's newest message, its id and date, by marked id: one request for a hundred chats.

    Args:
        send: the account's way to Telegram.
        peers: input peers by marked id; chats without messages, or that may not be read, are left out.
    """
    found: dict[int, tuple[int, datetime]] = {}
    every = list(peers.items())
    for first in range(0, len(every), PEERS_A_CALL):
        found.update(await _newest(send, dict(every[first : first + PEERS_A_CALL])))
    return found


async def _newest(send: Send, peers: dict[int, Any]) -> dict[int, tuple[int, datetime]]:
    asked = [types.InputDialogPeer(peer) for peer in peers.values()]
    try:
        answer = await send(functions.messages.GetPeerDialogsRequest(asked), about="newest messages")
    except FetchError as error:
        if error.error_type not in {ErrorType.NO_ACCESS, ErrorType.NOT_FOUND}:
            raise
        if len(peers) == 1:
            log.warning("newest message unknown", chat=next(iter(peers)), reason=error.message)
            return {}
        # One chat that may not be read fails the whole call: find it by halves.
        half = len(peers) // 2
        items = list(peers.items())
        return {**await _newest(send, dict(items[:half])), **await _newest(send, dict(items[half:]))}
    dates = _top_dates(answer)
    tops = {marked_id_of(dialog.peer): dialog.top_message for dialog in answer.dialogs}
    return {
        marked_id: (tops[marked_id], dates[marked_id, tops[marked_id]])
        for marked_id in peers
        if marked_id in tops and (marked_id, tops[marked_id]) in dates
    }


def _top_dates(answer: Any) -> dict[tuple[int | None, int], datetime]:  # noqa: ANN401 - Telethon is untyped
    """Returns the dates of an answer's messages by chat and id."""
    return {
        (marked_id_of(message.peer_id), message.id): message.date
        for message in answer.messages
        if message.peer_id is not None and getattr(message, "date", None) is not None
    }
