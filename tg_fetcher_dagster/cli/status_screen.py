"""`status` on one screen: what needs a person, what waits, what works, and the chats that lack most."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tg_fetcher_dagster.cli.console import Size
from tg_fetcher_dagster.cli.overview import ChatOverview, Overview
from tg_fetcher_dagster.cli.status_lines import (
    WIDE_LABEL,
    Line,
    in_trouble_first,
    need_lines,
    wait_lines,
    work_lines,
)
from tg_fetcher_dagster.logs.legible import legible

HEIGHT = 40
"""Lines where nobody knows how high the screen is, as in a pipe."""

HEADS_AND_GAPS = 7
"""Three heads, the empty lines between four groups, and the line on which the shell asks again."""

FEWEST_ROWS = 3
"""With fewer chats the table says less than the line that counts them."""

HEADS = {
    150: ("chat", "title", "state", "first", "newest", "done", "missing", "missing days", "last fetch (UTC)"),
    110: ("chat", "title", "state", "newest", "done", "missing", "missing days"),
    0: ("chat", "state", "newest", "missing", "missing days"),
}
"""Columns of the table, by the columns of the terminal on which they have room."""

SHRINKING = {"chat": 16, "title": 10, "missing days": 22}
"""The least width of the columns that may be cut; the others are never."""

WIDE_TITLE = 28


def screen(seen: Overview, size: Size, *, all_chats: bool = False, head: str = "") -> RenderableType:
    """Returns the screen; with `all_chats` it is as high as there are chats.

    Args:
        seen: what it shows.
        size: how large it may be.
        all_chats: show a row for each chat.
        head: a line above all else.
    """
    height = (size.height or HEIGHT) - bool(head)
    works = work_lines(seen)
    room = max(6, height - len(works) - HEADS_AND_GAPS)
    needs = need_lines(seen, room // 2)
    waits = wait_lines(seen, max(2, (room - len(needs)) // 2))
    rows = len(seen.chats) if all_chats else max(0, room - len(needs) - len(waits) - 1)
    groups = [
        _group("needs a person", "red", needs, size, none="nothing needs a person"),
        _group("waits", "yellow", waits, size, none="nothing waits"),
        _group("works", "green", works, size, none=""),
    ]
    if rows >= FEWEST_ROWS and seen.chats:
        groups.append(_chats(seen.chats, rows, size.width))
    spaced: list[RenderableType] = []
    for group in groups:
        spaced += [Text(""), group] if spaced else [group]
    above = [Text(head, style="dim", no_wrap=True, overflow="ellipsis")] if head else []
    return Group(*above, *spaced)


def _group(head: str, colour: str, lines: Sequence[Line], size: Size, *, none: str) -> RenderableType:
    if not lines:
        return Text(none, style="green")
    return Group(Text(head, style=f"bold {colour}"), *(_line(line, size.width) for line in lines))


def _line(line: Line, width: int | None) -> Text:
    told = Text(f"{line.label:<{WIDE_LABEL}}", style="dim", no_wrap=True, overflow="ellipsis")
    told.append(legible(line.body(width)), style="not dim")
    if line.do:
        told.append(" -> ", style="dim")
        told.append(legible(line.do), style="not dim bold")
    return told


def _chats(chats: Sequence[ChatOverview], rows: int, width: int | None) -> RenderableType:
    sorted_chats = in_trouble_first(chats)
    shown = sorted_chats if len(sorted_chats) <= rows else sorted_chats[: rows - 1]
    table = Table(box=None, pad_edge=False, header_style="bold")
    heads = next(heads for least, heads in HEADS.items() if width is None or width >= least)
    for head in heads:
        table.add_column(
            head,
            no_wrap=True,
            overflow="ellipsis",
            min_width=SHRINKING.get(head),
            max_width=WIDE_TITLE if head == "title" else None,
            justify="right" if head in {"done", "missing"} else "left",
        )
    for chat in shown:
        cells = _cells(chat)
        table.add_row(*(Text(legible(str(cells[head]))) for head in heads))
    rest = sorted_chats[len(shown) :]
    if not rest:
        return table
    missing = sum(chat.days_missing for chat in rest)
    lack = f"{missing:,} days missing" if missing else "no day missing"
    return Group(table, Text(f"and {len(rest)} more chats, {lack} (tg-fetcher status --all)", style="dim"))


def _cells(chat: ChatOverview) -> dict[str, object]:
    return {
        "chat": chat.chat,
        "title": chat.title,
        "state": chat.state,
        "first": chat.first_day or "",
        "newest": chat.last_day or "",
        "done": chat.days_done,
        "missing": chat.days_missing,
        "missing days": _spans(chat),
        "last fetch (UTC)": f"{chat.last_fetch:%Y-%m-%d %H:%M}" if chat.last_fetch else "",
    }


def _spans(chat: ChatOverview) -> str:
    """The newest run of missing days, and how many more there are."""
    if not chat.missing:
        return ""
    first, last = chat.missing[0]
    more = f" and {len(chat.missing) - 1} more" if len(chat.missing) > 1 else ""
    return (first if first == last else f"{first}..{last}") + more
