"""Telegram's rich texts (`RichText`, `PageBlock`) as a text with entities: they read like any message.

Blocks stand one below the other, lists with their bullets and numbers, a table's cells side by side, captions
below what they belong to. What a block says beside its words (which photo, whose channel, what map) is a
field of an entity at its place. A block that no layer of today has is read by the same rules: whatever in it
is a rich text is a line.
"""

from collections.abc import Callable, Sequence
from typing import Any

from tg_fetcher_dagster.messages.peers import RawRecord, usernames
from tg_fetcher_dagster.messages.rich_writer import RichText, RichWriter, fields_beyond
from tg_fetcher_dagster.messages.times import timestamp

_BLOCK_NAMES = {"PageBlockPreformatted": "Pre", "PageBlockBlockquoteBlocks": "Blockquote"}
_UNMARKED = frozenset(
    {"PageBlockParagraph", "PageBlockList", "PageBlockOrderedList", "PageBlockCover", "PageBlockDivider",
     "PageBlockButtonRow", "PageCaption", "PageListItemText", "PageListItemBlocks", "PageListOrderedItemText",
     "PageListOrderedItemBlocks", "PageTableRow", "PageTableCell", "PageBlockAuthorDate"}
)  # fmt: skip
"""Structure that the text shows by itself: an entity only where such a block has a field beyond its words."""
_READING_ORDER = {"title": -3, "author": -2, "text": -1, "caption": 1, "credit": 2}
"""Which parts of a block are read first and last; the others stand between, in Telegram's order."""


def rich_text_of(blocks: Sequence[RawRecord]) -> RichText:
    """Returns the blocks of a `RichMessage` or a `Page` as words with entities."""
    writer = _BlockWriter()
    writer.blocks(blocks, apart=2)
    return writer.finish()


class _BlockWriter(RichWriter):
    """Writes blocks and whatever else a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def blocks(self, blocks: Sequence[RawRecord], *, apart: int = 1) -> None:
        """Writes blocks one below the other."""
        for block in blocks:
            self.line(apart)
            self.block(block)
            self.line(apart)

    def block(self, block: RawRecord) -> None:
        """Writes one block, or any other part of a page."""
        kind, start = block.get("_") or "", self.here()
        write = _WRITERS.get(kind)
        said = write(self, block) if write else self._by_rule(block, set())
        beyond = fields_beyond(block, said)
        if beyond or kind not in _UNMARKED:
            name = _BLOCK_NAMES.get(kind) or kind.removeprefix("PageBlock")
            self.mark(name, start, beyond)

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
        self.line()
        if (value.get("_") or "").startswith("Text"):
            self.inline(value)
        else:
            self.block(value)
        self.line()
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
            self.line()
            mark = f"{item.get('num') or number}." if ordered else "•"
            if item.get("checkbox"):
                mark = f"{mark} [x]" if item.get("checked") else f"{mark} [ ]"
            self.bullet("  " * self._depth + mark + " ")
            number += step
            self._depth += 1
            self._item(item)
            self._depth -= 1
            self.line()
        return {"items", "reversed", "start"}

    def _item(self, item: RawRecord) -> None:
        start = self.here()
        if item.get("text"):
            self.inline(item["text"])
        for number, block in enumerate(item.get("blocks") or ()):
            if number:
                self.line()
            self.block(block)
        beyond = fields_beyond(item, {"text", "blocks", "checkbox", "checked", "num", "value"})
        if beyond:
            self.mark("ListItem", start, beyond)

    def table(self, block: RawRecord) -> set[str]:
        """Writes a table: its title, then a line a row."""
        if block.get("title"):
            self.inline(block["title"])
        for row in block.get("rows") or ():
            self.line()
            for number, cell in enumerate(row.get("cells") or ()):
                if number:
                    self.write(" | ")
                start = self.here()
                self.inline(cell.get("text"))
                beyond = fields_beyond(cell, {"text"})
                if beyond:
                    self.mark("TableCell", start, beyond)
        return {"title", "rows"}

    def buttons(self, block: RawRecord) -> set[str]:
        """Writes a row of buttons side by side."""
        for number, button in enumerate(block.get("buttons") or ()):
            if number:
                self.write(" ")
            start = self.here()
            self.inline(button.get("text"))
            self.mark("Button", start, fields_beyond(button, {"text"}))
        return {"buttons"}

    def author_date(self, block: RawRecord) -> set[str]:
        """Writes who wrote a page and when."""
        self._byline(block.get("author"), block.get("published_date"))
        return {"author", "published_date"}

    def article(self, block: RawRecord) -> set[str]:
        """Writes a related article: its title as a link, its description, its author."""
        start = self.here()
        self.write(block.get("title") or block.get("url") or "")
        if block.get("url"):
            self.mark("TextUrl", start, {"url": block["url"]})
        self.line()
        self.write(block.get("description") or "")
        self.line()
        self._byline(block.get("author"), block.get("published_date"))
        return {"title", "url", "description", "author", "published_date"}

    def embedded_post(self, block: RawRecord) -> set[str]:
        """Writes a post of another network: who and when, then its blocks."""
        self._byline(block.get("author"), block.get("date"))
        return self._by_rule(block, {"author", "date"})

    def _byline(self, author: RawRecord | str | None, moment: str | None) -> None:
        before = self.units
        self.inline(author)
        written = timestamp(moment)
        if written:
            self.write(f", {written}" if self.units > before else written)

    def channel(self, block: RawRecord) -> set[str]:
        """Writes a channel that a page points to: its title and its username."""
        channel: RawRecord = block.get("channel") or {}
        names = [channel.get("title") or "", *(f"@{spelling}" for spelling in usernames(channel))]
        self.write(" ".join(name for name in names if name))
        return set()

    def math(self, block: RawRecord) -> set[str]:
        """Writes a formula as it was typed."""
        self.write(block.get("source") or "")
        return {"source"}


def _is_words(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    kind = value.get("_") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind.startswith(("Text", "Page")) and kind != "TextWithEntities"


_WRITERS: dict[str, Callable[[_BlockWriter, RawRecord], set[str]]] = {
    "PageBlockList": _BlockWriter.list_block,
    "PageBlockOrderedList": _BlockWriter.list_block,
    "PageBlockTable": _BlockWriter.table,
    "PageBlockButtonRow": _BlockWriter.buttons,
    "PageBlockAuthorDate": _BlockWriter.author_date,
    "PageRelatedArticle": _BlockWriter.article,
    "PageBlockEmbedPost": _BlockWriter.embedded_post,
    "PageBlockChannel": _BlockWriter.channel,
    "PageBlockMath": _BlockWriter.math,
}
