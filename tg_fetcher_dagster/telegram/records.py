"""Raw records: what Telegram gave, as plain JSON data.

A record is an object's constructor name and fields: dates as ISO strings, bytes as base64, ids as numbers.
The raw file keeps these lines, and messages/ maps from nothing else, so that a rebuild needs no request.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from telethon.tl.alltlobjects import LAYER as _LAYER

RawRecord = dict[str, Any]
"""A record's JSON object: `_` is the constructor's name."""

LAYER: int = _LAYER
"""The layer of Telegram's schema that the constructors' names and fields belong to."""

_LARGEST = 2**64


@dataclass(frozen=True, slots=True)
class Record:
    """One message, user or chat as Telegram gave it.

    Attributes:
        id: as in the object, without a mark.
        date: aware, UTC; None for users and chats.
        line: the JSON object, without a newline.
    """

    id: int
    date: datetime | None
    line: bytes
    _value: list[RawRecord] = field(default_factory=list, repr=False, compare=False)

    @property
    def value(self) -> RawRecord:
        """The record read back from its line, as a rebuild from the raw file will see it."""
        # Most users of a page were seen on the page before and are never read: parsed at the first use.
        if not self._value:
            self._value.append(orjson.loads(self.line))
        return self._value[0]


def record_of(tl_object: Any) -> Record:  # noqa: ANN401 - Telethon is untyped
    """Returns the raw record of one of Telethon's messages, users or chats."""
    fields = tl_object.to_dict()
    date = fields.get("date")
    return Record(tl_object.id, date if "peer_id" in fields else None, raw_line(fields))


def raw_line(fields: RawRecord) -> bytes:
    """Returns the JSON line of an object's fields (`to_dict()`); never fails on odd texts or numbers."""
    try:
        return orjson.dumps(fields, default=_base64)
    except TypeError:
        # Lone surrogates and numbers beyond 64 bits are no JSON for orjson; losing the message is worse.
        return orjson.dumps(_representable(fields), default=_base64)


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if hasattr(value, "to_dict"):
        return str(value.to_dict().get("_"))
    return repr(value)


def _representable(value: Any) -> Any:  # noqa: ANN401 - any part of a record
    convert: Callable[[Any], Any] = _representable
    if isinstance(value, dict):
        return {convert(str(key)): convert(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [convert(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, int) and not -_LARGEST // 2 <= value < _LARGEST:
        return str(value)
    return value
