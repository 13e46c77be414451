"""The marked-up parts of a text. Telegram counts them in UTF-16 units, Python in code points."""

from collections.abc import Sequence
from typing import Any

from tg_fetcher_dagster.messages.constructors import snake_name
from tg_fetcher_dagster.messages.own_fields import rest, silent
from tg_fetcher_dagster.messages.peers import RawRecord

TextWithEntities = tuple[str, Sequence[RawRecord]]
"""Words and what is marked in them."""

_LAST_ONE_UNIT = "\uffff"
"""The last code point that UTF-16 keeps in one unit."""
_KEYS = ("url", "user_id", "language")
_SAID = ("_", "offset", "length", *_KEYS, "document_id")
_PLAIN = {
    f"MessageEntity{kind}": silent(f"MessageEntity{kind}", *_SAID)
    for kind in (
        "Unknown", "Mention", "Hashtag", "BotCommand", "Url", "Email", "Bold", "Italic", "Code", "Pre",
        "TextUrl", "MentionName", "Phone", "Cashtag", "Underline", "Strike", "BankCard", "Spoiler",
        "CustomEmoji", "Blockquote",
    )
}  # fmt: skip
"""What of the everyday kinds has a key of ours or is left out: all of it."""
_OTHER = frozenset(_SAID)


def entities_of(entities: Sequence[RawRecord]) -> list[dict[str, Any]]:
    """Returns `schema.TextEntity` items in Telegram's order, offsets as Telegram counts them."""
    found = []
    for raw in entities:
        kind = raw.get("_") or "Unknown"
        entity: dict[str, Any] = {
            "type": snake_name(kind, "MessageEntity"),
            "offset": raw.get("offset") or 0,
            "length": raw.get("length") or 0,
        }
        said = _PLAIN.get(kind, _OTHER)
        for key in _KEYS:
            value = raw.get(key)
            if value and not isinstance(value, dict):
                entity[key] = value
            elif value:
                said = said - {key}
        if raw.get("document_id") is not None:
            entity["document_id"] = str(raw["document_id"])
        if not said.issuperset(raw):
            more = rest(raw, said)
            if more:
                entity["more"] = more
        found.append(entity)
    return found


def text_of(value: RawRecord | str | None) -> TextWithEntities:
    """Returns the words and raw entities of a `TextWithEntities`; older layers sent plain texts."""
    if isinstance(value, dict):
        return value.get("text") or "", value.get("entities") or ()
    return value or "", ()


def add_text(described: dict[str, Any], key: str, value: RawRecord | str | None) -> None:
    """Puts a `TextWithEntities` under a key of ours, and its entities, if any, under `{key}_entities`."""
    described[key], entities = text_of(value)
    if entities:
        described[f"{key}_entities"] = entities_of(entities)


def utf16_length(text: str) -> int:
    """Returns how many UTF-16 units a text has."""
    if text.isascii() or max(text) <= _LAST_ONE_UNIT:
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


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
