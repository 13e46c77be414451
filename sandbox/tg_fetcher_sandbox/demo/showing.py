"""What the demo puts on the screen: plain lines, and a bar where there is a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from tg_fetcher_dagster.events.models import TERMINAL
from tg_fetcher_sandbox.demo.asking import Asked
from tg_fetcher_sandbox.demo.watching import Watch

FIRST_EVENTS, LAST_EVENTS = 20, 5
HEAD_LINES = 30
WIDTH = 100


class Screen:
    """Standard output, for a person."""

    def __init__(self) -> None:
        """Texts from the world are never read as markup."""
        self.console = Console(highlight=False, markup=False, emoji=False)

    def step(self, line: str) -> None:
        """Tells what happens now."""
        self.console.print(Text("▸ ", style="cyan").append(line, style="default"), soft_wrap=True)

    def plain(self, line: str = "") -> None:
        """Tells the rest."""
        self.console.print(line, soft_wrap=True)

    def fault(self, line: str) -> None:
        """Tells what is wrong."""
        self.console.print(Text("✗ ", style="red").append(line), soft_wrap=True)

    def good(self, line: str) -> None:
        """Tells that all is well."""
        self.console.print(Text("✓ ", style="green").append(line), soft_wrap=True)

    @contextmanager
    def progress(self, asked: Sequence[Asked]) -> Iterator["Bars"]:
        """Shows one bar a command while the block runs."""
        columns = (
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("days"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as shown:
            yield Bars(self, shown, asked)

    def events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Shows the events in the order of their arrival, the middle of many left out."""
        left_out = len(events) - FIRST_EVENTS - LAST_EVENTS
        for number, event in enumerate(events):
            if number < FIRST_EVENTS or number >= len(events) - LAST_EVENTS:
                self.plain(f"  {event['timestamp'][11:19]}  {_line(event)}")
            elif number == FIRST_EVENTS:
                self.plain(f"  … {left_out} more …")

    def head(self, path: Path) -> None:
        """Shows how a day file begins: its head and its newest message."""
        day = orjson.loads(path.read_bytes())
        shown = {**day, "senders": dict(list(day["senders"].items())[:3]), "messages": day["messages"][:1]}
        lines = orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode().splitlines()
        for line in lines[:HEAD_LINES]:
            self.plain("  " + (line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"))
        self.plain(f"  … {len(day['senders'])} senders and {len(day['messages'])} messages in all")


class Bars:
    """The commands' progress, fed with the events."""

    def __init__(self, screen: Screen, progress: Progress, asked: Sequence[Asked]) -> None:
        """Adds one bar a command."""
        self._screen = screen
        self._progress = progress
        self._asked = asked
        self._tasks = [
            progress.add_task(f"{each.chat} ({each.body['mode']})", total=len(each.days)) for each in asked
        ]

    def show(self, arrived: Sequence[Mapping[str, Any]], watch: Watch) -> None:
        """Tells each day's end as a line, and moves the bars."""
        for event in arrived:
            if event["event"] in TERMINAL:
                self._progress.console.print(f"  {_line(event)}", soft_wrap=True)
        for each, task in zip(self._asked, self._tasks, strict=True):
            self._progress.update(task, completed=sum((each.chat, day) in watch.ended for day in each.days))


def _line(event: Mapping[str, Any]) -> str:
    """An event in one line."""
    kind = event["event"]
    if kind == "messages_fetched":
        said = f"{event['message_count']} messages, {event['estimated_tokens_total']} tokens"
        said += f", sha256 {event['checksum_sha256'][:12]}…"
    elif kind == "fetch_progress":
        said = f"{event['messages_processed']} messages so far"
    elif kind == "fetch_started":
        said = f"strategy {event['strategy']}"
    else:
        said = str(event.get("error") or event.get("reason") or event.get("stage"))
    return f"{kind:<17} {event['chat']} {event['date']}  {said}"
