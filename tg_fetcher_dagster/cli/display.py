"""Shows a fetch under way: a progress bar on a terminal, plain lines elsewhere."""

import os
import sys
from types import TracebackType
from typing import Self, TextIO

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from tg_fetcher_dagster.cli.console import complain, messages, note, say
from tg_fetcher_dagster.cli.outcomes import FetchOutcome, line_of, summary_of
from tg_fetcher_dagster.ledger.request_progress import DayEnd
from tg_fetcher_dagster.logs.legible import legible

REASONS_SHOWN = 10
"""Failed days that are told one by one."""


class FetchDisplay:
    """A context manager; what is told through it appears at once."""

    def __init__(self) -> None:
        # A Dagster run in this process takes standard error for its own log while a step works.
        self._stream = _apart(sys.stderr)
        console = messages(self._stream)
        self._console = console
        self._bar = (
            Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("days"),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            if console.is_terminal
            else None
        )
        self._task = self._bar.add_task("queued", total=None) if self._bar else None
        self._said = ""

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        if self._stream is not sys.stderr:
            self._stream.close()

    def days(self, ended: int, total: int) -> None:
        """Tells how many days have ended, of how many."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=ended, total=total)

    def now(self, what: str) -> None:
        """Tells what happens at present; repeats are silent."""
        if what == self._said:
            return
        self._said = what
        if self._bar and self._task is not None:
            self._bar.update(self._task, description=legible(what))

    def note(self, what: str) -> None:
        """Tells something that a person should know, once."""
        if what != self._said:
            self._console.print_line(what)
        self.now(what)

    def end(self, end: DayEnd) -> None:
        """Tells how a day ended; failures are told together at the end."""
        if not end.failed and self._bar is None:
            say(line_of(end))


def _apart(stream: TextIO) -> TextIO:
    """The same place by a file descriptor of its own; the stream itself where it has none."""
    try:
        return os.fdopen(os.dup(stream.fileno()), "w", encoding="utf-8", errors="replace", buffering=1)
    except (OSError, ValueError):
        return stream


def tell_outcome(outcome: FetchOutcome) -> bool:
    """Prints how it all ended; returns False where a day was not fetched."""
    ends = outcome.ends
    failed = [end for end in ends if end.failed]
    if len(ends) == 1 and not failed:
        if messages().is_terminal:
            say(line_of(ends[0]))
    elif len(ends) > 1:
        say(summary_of(ends))
    elif not ends and not outcome.waiting:
        note("nothing to do")
    for line in [*map(line_of, failed), *outcome.waiting][:REASONS_SHOWN]:
        complain(line)
    if (more := len(failed) + len(outcome.waiting) - REASONS_SHOWN) > 0:
        complain(f"and {more} more days that {'failed' if failed else 'wait'}")
    return not failed and not outcome.waiting
