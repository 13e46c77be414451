"""How an event's file in the outbox is named: its order and its address, without reading it.

`{ns:020d}~{request_id}~{chat}~{date}~{event}~{sequence}.json`; once published the time falls away, so that
what a request ended in is found by name.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self, get_args

from tg_fetcher_dagster.events.models import Event, EventName

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_CHAT_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NOTHING = "-"
_NAME = re.compile(
    r"(?P<ns>\d{20})"
    rf"~(?P<request_id>{_REQUEST_ID.pattern})"
    r"~(?P<chat>[a-z0-9_=-]{1,64})"
    r"~(?P<date>\d{4}-\d\d-\d\d|-)"
    rf"~(?P<event>{'|'.join(get_args(EventName))})"
    r"~(?P<sequence>\d+)\.json"
)


def check_request_id(request_id: str) -> str:
    """Returns the id if it is safe in a file's name.

    Raises:
        ValueError: it is not; only a fault of the program can be the reason.
    """
    if not _REQUEST_ID.fullmatch(request_id):
        raise ValueError(f"not a request id: {request_id!r}")
    return request_id


def chat_part(chat: str | None) -> str:
    """Returns how a chat stands in a name: its key, or a hash of a spelling that is no key."""
    if chat is None:
        return _NOTHING
    if _CHAT_KEY.fullmatch(chat):
        return chat
    return "=" + hashlib.sha256(chat.encode(errors="surrogatepass")).hexdigest()[:20]


def day_part(day: date | None) -> str:
    """Returns how a date stands in a name."""
    return day.isoformat() if day else _NOTHING


@dataclass(frozen=True, slots=True)
class OutboxName:
    """An event's address and time.

    Attributes:
        ns: when it was recorded, in nanoseconds since 1970: the order of publishing.
        request_id: on whose behalf.
        chat: the key, or what stands for it (`chat_part`).
        day: the date, or `-`.
        event: which event.
        sequence: tells apart events of one kind for one chat and day.
    """

    ns: int
    request_id: str
    chat: str
    day: str
    event: str
    sequence: int

    @classmethod
    def of(cls, event: Event, *, request_id: str, ns: int) -> Self:
        """Returns the name for a new event."""
        check_request_id(request_id)
        return cls(ns, request_id, chat_part(event.chat), day_part(event.date), event.event, event.sequence)

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Returns what a file's name says; None for a file that is not the outbox's."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        ns, sequence = int(match["ns"]), int(match["sequence"])
        return cls(ns, match["request_id"], match["chat"], match["date"], match["event"], sequence)

    @property
    def pending(self) -> str:
        """The file's name until it is published."""
        return f"{self.ns:020d}~{self.request_id}~{self.published}"

    @property
    def published(self) -> str:
        """The file's name afterwards, in a folder named after the request."""
        return f"{self.chat}~{self.day}~{self.event}~{self.sequence}.json"

    @property
    def recorded_at(self) -> datetime:
        """When it was recorded."""
        return datetime.fromtimestamp(self.ns / 1e9, UTC)
