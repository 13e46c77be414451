"""The marked-up parts of a text. Telegram counts them in UTF-16 units, Python in code points."""

from collections.abc import Sequence
from typing import Any

from tg_fetcher_dagster.messages.constructors import snake_name
from tg_fetcher_dagster.messages.peers import RawRecord

_LAST_ONE_UNIT = "\uffff"
"""The last code point that UTF-16 keeps in one unit."""


def entities_of(entities: Sequence[RawRecord]) -> list[dict[str, Any]]:
    """Returns `schema.TextEntity` items in Telegram's order, offsets as Telegram counts them."""
    found = []
    for raw in entities:
        entity: dict[str, Any] = {
            "type": snake_name(raw.get("_") or "Unknown", "MessageEntity"),
            "offset": raw.get("offset") or 0,
            "length": raw.get("length") or 0,
        }
        for key in ("url", "user_id", "language"):
            value = raw.get(key)
            if value and not isinstance(value, dict):
                entity[key] = value
        if raw.get("document_id") is not None:
            entity["document_id"] = str(raw["document_id"])
        found.append(entity)
    return found


class Utf16Text:
    """A text that can be cut where Telegram's offsets say."""

    def __init__(self, text: str) -> None:
        self._text = text
        one_unit_each = text.isascii() or max(text, default="") <= _LAST_ONE_UNIT
        self._units = None if one_unit_each else text.encode("utf-16-le", "surrogatepass")

    def cut(self, offset: int, length: int) -> str:
        """Returns the part; shorter or empty where the offsets point beyond the text."""
        start, end = max(offset, 0), max(offset + length, 0)
        if self._units is None:
            return self._text[start:end]
        return self._units[2 * start : 2 * end].decode("utf-16-le", "replace")
