"""Messages that stand in a history exactly as they were given: odd constructors, dates and ids of any kind.

A generated message (`generator.py`) or one of the scenario (`scenario_messages.py`) keeps the order of a real
chat; an exact one is for a test of what happens where that order is broken.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tg_fetcher_sandbox.posts import channel_peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """One message.

    Attributes:
        number: the id under which it stands; it replaces the message that has it.
        at: its date in Unix seconds; 0 is one too.
        body: its bytes, also such as no schema knows.
        peers: whom an answer with it must describe (marked ids).
        thread: the first id of the thread that it belongs to.
    """

    number: int
    at: int
    body: bytes
    peers: frozenset[int] = frozenset()
    thread: int | None = None


def exact(message: Any) -> Exact:  # noqa: ANN401 - Telethon carries no types
    """Returns one of Telethon's messages as it shall stand; an `Exact` as it is."""
    if isinstance(message, Exact):
        return message
    date = message.date
    reply = getattr(message, "reply_to", None)
    return Exact(
        number=message.id,
        at=int(date.timestamp()) if isinstance(date, datetime) else int(date or 0),
        body=bytes(message._bytes()),  # noqa: SLF001 - Telethon's way to serialise
        peers=frozenset(_peers(message.to_dict())),
        thread=getattr(reply, "reply_to_top_id", None) or getattr(reply, "reply_to_msg_id", None),
    )


def _peers(value: Any) -> Iterator[int]:  # noqa: ANN401 - any part of a message
    if isinstance(value, list):
        for item in value:
            yield from _peers(item)
    if not isinstance(value, dict):
        return
    match value.get("_"):
        case "PeerUser":
            yield value["user_id"]
        case "PeerChannel":
            yield channel_peer(value["channel_id"])
        case "PeerChat":
            yield -value["chat_id"]
        case _:
            for item in value.values():
                yield from _peers(item)
