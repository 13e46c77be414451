"""Writes rich texts as plain words with entities: what is written, where a line ends, what is marked."""

from typing import NamedTuple

from tg_fetcher_dagster.messages.buttons import button_kind
from tg_fetcher_dagster.messages.formatting import utf16_length
from tg_fetcher_dagster.messages.left_out import LEFT_OUT
from tg_fetcher_dagster.messages.peers import RawRecord

_INLINE_NAMES = {
    "TextFixed": "Code", "TextAutoUrl": "Url", "TextAutoEmail": "Email", "TextAutoPhone": "Phone",
    "TextUrl": "TextUrl", "TextDate": "FormattedDate", "TextDiff": "DiffReplace",
}  # fmt: skip
"""Which kind of entity a rich text is where the names differ."""


class RichText(NamedTuple):
    """A rich text as plain words.

    Attributes:
        text: the words; empty where there are none.
        entities: raw `MessageEntity…` records, also of kinds that only rich texts have.
    """

    text: str
    entities: list[RawRecord]


class RichWriter:
    """Writes words one behind the other and remembers what is marked.

    Line breaks are written when the next words come, so that no text begins or ends with one.

    Attributes:
        units: how many UTF-16 units are written.
    """

    def __init__(self) -> None:
        self.units = 0
        self._parts: list[str] = []
        self._breaks = 0
        self._bullet_ends = 0
        self._entities: list[RawRecord] = []

    def finish(self) -> RichText:
        """Returns what was written, its entities in the order in which they begin."""
        ordered = sorted(self._entities, key=lambda entity: (entity["offset"], -entity["length"]))
        return RichText("".join(self._parts), ordered)

    def write(self, text: str) -> None:
        """Writes words as they are; nothing where there are none."""
        if not text:
            return
        if self._breaks and self._parts:
            self._append("\n" * self._breaks)
        self._breaks = 0
        self._append(text)

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self.units += utf16_length(text)

    def bullet(self, text: str) -> None:
        """Writes what stands before an item: the next words stay on its line."""
        self.write(text)
        self._bullet_ends = self.units

    def line(self, breaks: int = 1) -> None:
        """Begins a new line with the next words; two breaks leave an empty line between."""
        if self.units != self._bullet_ends:
            self._breaks = max(self._breaks, breaks)

    def here(self) -> int:
        """Returns where the next words will begin, in UTF-16 units."""
        return self.units + (self._breaks if self._parts else 0)

    def mark(self, kind: str, start: int, fields: RawRecord) -> None:
        """Marks what was written since `start` as a kind of entity; nothing written is a place."""
        start = min(start, self.units)
        entity = {"_": f"MessageEntity{kind}", "offset": start, "length": self.units - start}
        self._entities.append({**fields, **entity})

    def inline(self, rich: RawRecord | str | None) -> None:
        """Writes one `RichText`."""
        if not isinstance(rich, dict):
            self.write(rich or "")
            return
        kind, start = rich.get("_") or "", self.here()
        if kind == "TextConcat":
            for part in rich.get("texts") or ():
                self.inline(part)
            return
        shown = next((name for name in ("text", "alt", "source") if name in rich), "")
        self.inline(rich.get(shown))
        if kind not in {"TextPlain", "TextEmpty"}:
            name = _INLINE_NAMES.get(kind) or kind.removeprefix("Text")
            self.mark(name, start, fields_beyond(rich, {shown}))


def fields_beyond(record: RawRecord, said: set[str]) -> RawRecord:
    """Returns the fields of a record that its words do not tell and that are not left out."""
    left_out = LEFT_OUT.get(record.get("_") or "", {})
    fields: RawRecord = {}
    for name, value in record.items():
        if name in said or name in left_out or name == "_" or value in (None, False, "") or value == []:
            continue
        if name == "old_text":
            writer = RichWriter()
            writer.inline(value)
            fields[name], entities = writer.finish()
            if entities:
                fields["old_entities"] = entities
        elif name == "type" and isinstance(value, dict):
            # What a button does: its own fields beside the button's words, its link like any other link.
            fields["button"] = button_kind(value.get("_") or "")
            fields.update(fields_beyond(value, set()))
        else:
            fields[name] = value
    return fields
