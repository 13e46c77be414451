"""Raw records: what Telegram gave, as plain JSON data.

A record is an object's constructor name and fields: dates as ISO strings, bytes as base64, ids as numbers.
The raw file keeps these lines, and messages/ maps from nothing else, so that a rebuild needs no request.
"""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from telethon.tl.alltlobjects import LAYER as _LAYER

RawRecord = dict[str, Any]
"""A record's JSON object: `_` is the constructor's name."""

LAYER: int = _LAYER
"""The layer of Telegram's schema that the constructors' names and fields belong to."""

_LARGEST = 2**64


class Record:
    """One message, user or chat as Telegram gave it.

    Its JSON is made at the first use: most users of a page were seen on the page before and are never kept.

    Attributes:
        id: as in the object, without a mark.
        date: aware, UTC; None for users and chats.
        is_min: Telegram sent it in part, for this page only (core.telegram.org/api/min).
    """

    __slots__ = ("_line", "_object", "_value", "date", "id", "is_min")

    def __init__(self, tl_object: Any) -> None:  # noqa: ANN401 - Telethon is untyped
        self.id: int = tl_object.id
        self.date: datetime | None = tl_object.date if hasattr(tl_object, "peer_id") else None
        self.is_min: bool = bool(getattr(tl_object, "min", False))
        self._object = tl_object
        self._line: bytes | None = None
        self._value: RawRecord | None = None

    @property
    def line(self) -> bytes:
        """The JSON object, without a newline."""
        if self._line is None:
            self._line = raw_line(fields_of(self._object))
            self._object = None
        return self._line

    @property
    def constructor(self) -> str:
        """The constructor's name: `Channel`."""
        if self._object is None or isinstance(self._object, _Kept):
            return str(self.value.get("_"))
        return type(self._object).__name__

    @property
    def is_self(self) -> bool:
        """True of the account's own user."""
        if self._object is None or isinstance(self._object, _Kept):
            return bool(self.value.get("is_self"))
        return bool(getattr(self._object, "is_self", False))

    @property
    def value(self) -> RawRecord:
        """The record read back from its line, as a rebuild from the raw file will see it."""
        if self._value is None:
            self._value = orjson.loads(self.line)
        return self._value


class _Kept:
    """A message, user or chat that was kept as JSON, in the place of Telethon's object."""

    def __init__(self, value: RawRecord) -> None:
        self.id: int = value["id"]
        self.min = value.get("min")
        if "peer_id" in value:
            self.peer_id = value["peer_id"]
            self.date = datetime.fromisoformat(value["date"])
        self._value = value

    def to_dict(self) -> RawRecord:
        """Returns the record as it was kept."""
        return self._value


def kept_record(value: RawRecord) -> Record:
    """Returns the record of a message, user or chat that was kept as JSON before."""
    return Record(_Kept(value))


def record_of(tl_object: Any) -> Record:  # noqa: ANN401 - Telethon is untyped
    """Returns the raw record of one of Telethon's messages, users or chats."""
    return Record(tl_object)


def fields_of(tl_object: Any) -> RawRecord:  # noqa: ANN401 - Telethon is untyped
    """Returns an object's constructor name (`_`) and its fields, as Telethon's `to_dict()` gives them.

    Fields of its own that Telegram did not send, and flags that are not set, are left out: a dozen of a
    message's 45 are there, and writing and reading the others cost more than all else about a record.
    """
    fields: RawRecord = tl_object.to_dict()
    return {name: value for name, value in fields.items() if value is not None and value is not False}


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
