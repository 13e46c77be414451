"""What a command says: results on standard output, everything else on standard error.

A line stays one line however narrow the terminal is, and a title from Telegram is never read as markup nor
obeyed by the terminal. Everything that a command says passes here.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tg_fetcher_dagster.logs.legible import legible, legible_lines

_WIDE = 100_000
"""Columns where nobody looks: whoever reads a pipe line by line finds a row in one line, however long."""


class LegibleConsole(Console):
    """A console on which no text from elsewhere commands the terminal."""

    def __init__(self, *, file: TextIO | None = None, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(file=file, stderr=stderr, width=width, highlight=False, markup=False, emoji=False)

    def print_line(self, line: str) -> None:
        """Prints text as one line."""
        self.print(Text(legible(line)), soft_wrap=True)


def output() -> LegibleConsole:
    """Returns standard output as it is now."""
    return LegibleConsole()


def messages(stream: TextIO | None = None) -> LegibleConsole:
    """Returns standard error as it is now, or another way to the same place."""
    return LegibleConsole(file=stream, stderr=stream is None)


def say(line: str = "") -> None:
    """Prints a result."""
    output().print_line(line)


def say_json(document: str) -> None:
    """Prints a result of several lines that is JSON; it means the same afterwards."""
    output().print(Text(legible_lines(document)), soft_wrap=True)


def complain_trace(trace: str) -> None:
    """Prints a stack trace, for `--verbose`."""
    messages().print(Text(legible_lines(trace)), soft_wrap=True)


def note(line: str) -> None:
    """Prints what is good to know and no result."""
    messages().print_line(line)


def complain(line: str) -> None:
    """Prints `error: ...`, one line."""
    told = Text("error: ", style="bold red")
    told.append(legible(" ".join(line.split())), style="not bold default")
    messages().print(told, soft_wrap=True)


@dataclass(frozen=True, kw_only=True)
class Size:
    """What there is room for; None where nobody looks: in a pipe a line is as long as it is."""

    width: int | None = None
    height: int | None = None


def size_of(console: Console) -> Size:
    """Returns how large a console is now."""
    return Size(width=console.width, height=console.height) if console.is_terminal else Size()


def say_screen(drawn: Callable[[Size], RenderableType]) -> None:
    """Prints a result that fits what it is shown on; what is drawn must be legible."""
    console = output()
    if console.is_terminal:
        console.print(drawn(size_of(console)))
    else:
        LegibleConsole(width=_WIDE).print(drawn(Size()))


def say_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints columns under their heads."""
    console = output()
    if not console.is_terminal:
        console = LegibleConsole(width=_WIDE)
    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(legible(str(cell))) for cell in row))
    console.print(table)
