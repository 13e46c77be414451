"""Telegram's rich texts (`RichText`, `PageBlock`) as a text with entities: they read like any message.

Blocks stand one below the other, lists with their bullets and numbers, a table's cells side by side, captions
below what they belong to. What a block says beside its words (which photo, whose channel, what map) is a
field of an entity at its place. A block that no layer of today has is read by the same rules: whatever in it
is a rich text is a line.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tg_fetcher_dagster.messages.buttons import button_kind
from tg_fetcher_dagster.messages.formatting import utf16_length
from tg_fetcher_dagster.messages.left_out import LEFT_OUT
from tg_fetcher_dagster.messages.peers import RawRecord, usernames
from tg_fetcher_dagster.messages.times import timestamp

_INLINE_NAMES = {
    "TextFixed": "Code", "TextAutoUrl": "Url", "TextAutoEmail": "Email", "TextAutoPhone": "Phone",
    "TextUrl": "TextUrl", "TextDate": "FormattedDate", "TextDiff": "DiffReplace",
}  # fmt: skip
"""Which kind of entity a rich text is where the names differ."""
_BLOCK_NAMES = {"PageBlockPreformatted": "Pre", "PageBlockBlockquoteBlocks": "Blockquote"}
_UNMARKED = frozenset(
    {"PageBlockParagraph", "PageBlockList", "PageBlockOrderedList", "PageBlockCover", "PageBlockDivider",
     "PageBlockButtonRow", "PageCaption", "PageListItemText", "PageListItemBlocks", "PageListOrderedItemText",
     "PageListOrderedItemBlocks", "PageTableRow", "PageTableCell", "PageBlockAuthorDate"}
)  # fmt: skip
"""Structure that the text shows by itself: an entity only where such a block has a field beyond its words."""
_READING_ORDER = {"title": -3, "author": -2, "text": -1, "caption": 1, "credit": 2}
"""Which parts of a block are read first and last; the others stand between, in Telegram's order."""


class RichText(NamedTuple):
    """A rich text as plain words.

    Attributes:
        text: the words; empty where there are none.
        entities: raw `MessageEntity…` records, also of kinds that only rich texts have.
    """

    text: str
    entities: list[RawRecord]


def rich_text_of(blocks: Sequence[RawRecord]) -> RichText:
    """Returns the blocks of a `RichMessage` or a `Page` as words with entities."""
    writer = _Writer()
    writer.blocks(blocks, apart=2)
    return writer.finish()


class _Writer:
    """Writes words one behind the other and remembers what is marked.

    Line breaks are written when the next words come, so that no text begins or ends with one.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._units = 0
        self._breaks = 0
        self._depth = 0
        self._bullet_ends = 0
        self._entities: list[RawRecord] = []

    def finish(self) -> RichText:
        ordered = sorted(self._entities, key=lambda entity: (entity["offset"], -entity["length"]))
        return RichText("".join(self._parts), ordered)

    def _write(self, text: str) -> None:
        if not text:
            return
        if self._breaks and self._parts:
            self._append("\n" * self._breaks)
        self._breaks = 0
        self._append(text)

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._units += utf16_length(text)

    def _line(self, breaks: int = 1) -> None:
        if self._units != self._bullet_ends:
            self._breaks = max(self._breaks, breaks)

    def _here(self) -> int:
        return self._units + (self._breaks if self._parts else 0)

    def _mark(self, kind: str, start: int, fields: RawRecord) -> None:
        start = min(start, self._units)
        entity = {"_": f"MessageEntity{kind}", "offset": start, "length": self._units - start}
        self._entities.append({**fields, **entity})

    def inline(self, rich: RawRecord | str | None) -> None:
        """Writes one `RichText`."""
        if not isinstance(rich, dict):
            self._write(rich or "")
            return
        kind, start = rich.get("_") or "", self._here()
        if kind == "TextConcat":
            for part in rich.get("texts") or ():
                self.inline(part)
            return
        shown = next((name for name in ("text", "alt", "source") if name in rich), "")
        self.inline(rich.get(shown))
        if kind not in {"TextPlain", "TextEmpty"}:
            name = _INLINE_NAMES.get(kind) or kind.removeprefix("Text")
            self._mark(name, start, _beyond(rich, {shown}))

    def blocks(self, blocks: Sequence[RawRecord], *, apart: int = 1) -> None:
        """Writes blocks one below the other."""
        for block in blocks:
            self._line(apart)
            self.block(block)
            self._line(apart)

    def block(self, block: RawRecord) -> None:
        """Writes one block, or any other part of a page."""
        kind, start = block.get("_") or "", self._here()
        write = _WRITERS.get(kind)
        said = write(self, block) if write else self._by_rule(block, set())
        beyond = _beyond(block, said)
        if beyond or kind not in _UNMARKED:
            name = _BLOCK_NAMES.get(kind) or kind.removeprefix("PageBlock")
            self._mark(name, start, beyond)

    def _by_rule(self, block: RawRecord, said: set[str]) -> set[str]:
        """Writes every part of a block that is words, in reading order; returns the fields that it wrote."""
        for name in sorted(block, key=lambda name: _READING_ORDER.get(name, 0)):
            if name not in said and self._part(block[name]):
                said.add(name)
        return said

    def _part(self, value: Any) -> bool:  # noqa: ANN401 - any JSON value
        """Writes a field's value where it is words or made of them."""
        if isinstance(value, list) and value and all(_is_words(item) for item in value):
            for item in value:
                self._part(item)
            return True
        if not isinstance(value, dict) or not _is_words(value):
            return False
        self._line()
        if (value.get("_") or "").startswith("Text"):
            self.inline(value)
        else:
            self.block(value)
        self._line()
        return True

    def list_block(self, block: RawRecord) -> set[str]:
        """Writes a list: a bullet or a number before each item, a box where it can be ticked."""
        items: list[RawRecord] = block.get("items") or []
        ordered = block.get("_") == "PageBlockOrderedList"
        step = -1 if block.get("reversed") else 1
        start = block.get("start")
        number = start if start is not None else len(items) if step < 0 else 1
        for item in items:
            if item.get("value") is not None:
                number = item["value"]
            self._line()
            mark = f"{item.get('num') or number}." if ordered else "•"
            if item.get("checkbox"):
                mark = f"{mark} [x]" if item.get("checked") else f"{mark} [ ]"
            self._write("  " * self._depth + mark + " ")
            self._bullet_ends = self._units
            number += step
            self._depth += 1
            self._item(item)
            self._depth -= 1
            self._line()
        return {"items", "reversed", "start"}

    def _item(self, item: RawRecord) -> None:
        start = self._here()
        if item.get("text"):
            self.inline(item["text"])
        for number, block in enumerate(item.get("blocks") or ()):
            if number:
                self._line()
            self.block(block)
        beyond = _beyond(item, {"text", "blocks", "checkbox", "checked", "num", "value"})
        if beyond:
            self._mark("ListItem", start, beyond)

    def table(self, block: RawRecord) -> set[str]:
        """Writes a table: its title, then a line a row."""
        if block.get("title"):
            self.inline(block["title"])
        for row in block.get("rows") or ():
            self._line()
            for number, cell in enumerate(row.get("cells") or ()):
                if number:
                    self._write(" | ")
                start = self._here()
                self.inline(cell.get("text"))
                beyond = _beyond(cell, {"text"})
                if beyond:
                    self._mark("TableCell", start, beyond)
        return {"title", "rows"}

    def buttons(self, block: RawRecord) -> set[str]:
        """Writes a row of buttons side by side."""
        for number, button in enumerate(block.get("buttons") or ()):
            if number:
                self._write(" ")
            start = self._here()
            self.inline(button.get("text"))
            self._mark("Button", start, _beyond(button, {"text"}))
        return {"buttons"}

    def author_date(self, block: RawRecord) -> set[str]:
        """Writes who wrote a page and when."""
        self._byline(block.get("author"), block.get("published_date"))
        return {"author", "published_date"}

    def article(self, block: RawRecord) -> set[str]:
        """Writes a related article: its title as a link, its description, its author."""
        start = self._here()
        self._write(block.get("title") or block.get("url") or "")
        if block.get("url"):
            self._mark("TextUrl", start, {"url": block["url"]})
        self._line()
        self._write(block.get("description") or "")
        self._line()
        self._byline(block.get("author"), block.get("published_date"))
        return {"title", "url", "description", "author", "published_date"}

    def embedded_post(self, block: RawRecord) -> set[str]:
        """Writes a post of another network: who and when, then its blocks."""
        self._byline(block.get("author"), block.get("date"))
        return self._by_rule(block, {"author", "date"})

    def _byline(self, author: RawRecord | str | None, moment: str | None) -> None:
        before = self._units
        self.inline(author)
        written = timestamp(moment)
        if written:
            self._write(f", {written}" if self._units > before else written)

    def channel(self, block: RawRecord) -> set[str]:
        """Writes a channel that a page points to: its title and its username."""
        channel: RawRecord = block.get("channel") or {}
        names = [channel.get("title") or "", *(f"@{spelling}" for spelling in usernames(channel))]
        self._write(" ".join(name for name in names if name))
        return set()

    def math(self, block: RawRecord) -> set[str]:
        """Writes a formula as it was typed."""
        self._write(block.get("source") or "")
        return {"source"}


def _is_words(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    kind = value.get("_") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind.startswith(("Text", "Page")) and kind != "TextWithEntities"


def _beyond(record: RawRecord, said: set[str]) -> RawRecord:
    """Returns the fields of a record that its words do not tell and that are not left out."""
    left_out = LEFT_OUT.get(record.get("_") or "", {})
    beyond: RawRecord = {}
    for name, value in record.items():
        if name in said or name in left_out or name == "_" or value in (None, False, "") or value == []:
            continue
        if name == "old_text":
            writer = _Writer()
            writer.inline(value)
            beyond[name], entities = writer.finish()
            if entities:
                beyond["old_entities"] = entities
        elif name == "type" and isinstance(value, dict):
            # What a button does: its own fields beside the button's words, its link like any other link.
            beyond["button"] = button_kind(value.get("_") or "")
            beyond.update(_beyond(value, set()))
        else:
            beyond[name] = value
    return beyond


_WRITERS: dict[str, Callable[[_Writer, RawRecord], set[str]]] = {
    "PageBlockList": _Writer.list_block,
    "PageBlockOrderedList": _Writer.list_block,
    "PageBlockTable": _Writer.table,
    "PageBlockButtonRow": _Writer.buttons,
    "PageBlockAuthorDate": _Writer.author_date,
    "PageRelatedArticle": _Writer.article,
    "PageBlockEmbedPost": _Writer.embedded_post,
    "PageBlockChannel": _Writer.channel,
    "PageBlockMath": _Writer.math,
}
