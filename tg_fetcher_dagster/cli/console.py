"""What a command says: results on standard output, everything else on standard error.

A line stays one line however narrow the terminal is, and a title from Telegram is never read as markup.
"""

from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 240
"""Columns where nobody looks: a pipe must not cut what a terminal would wrap."""


def output() -> Console:
    """Returns standard output as it is now."""
    return Console(highlight=False, markup=False, emoji=False)


def messages(stream: TextIO | None = None) -> Console:
    """Returns standard error as it is now, or another way to the same place."""
    return Console(file=stream, stderr=stream is None, highlight=False, markup=False, emoji=False)


def say(line: str = "") -> None:
    """Prints a result."""
    output().print(line, soft_wrap=True)


def note(line: str) -> None:
    """Prints what is good to know and no result."""
    messages().print(line, soft_wrap=True)


def complain(line: str) -> None:
    """Prints `error: ...`, one line."""
    told = Text("error: ", style="bold red")
    told.append(" ".join(line.split()), style="not bold default")
    messages().print(told, soft_wrap=True)


def say_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints columns under their heads."""
    console = output()
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, emoji=False, width=_WIDE)
    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(table)
