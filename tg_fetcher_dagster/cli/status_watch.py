"""`status --watch`: the screen again and again; what is away for a while is told, and waited for."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from tg_fetcher_dagster.cli.answering import Hanging
from tg_fetcher_dagster.cli.console import Size, output, say, say_json, say_screen, size_of
from tg_fetcher_dagster.cli.overview import Overview
from tg_fetcher_dagster.cli.overview_sources import GAPS_ON_A_SCREEN, overview
from tg_fetcher_dagster.cli.status_screen import screen
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.logs.legible import legible
from tg_fetcher_dagster.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One look.

    Attributes:
        at: when.
        seen: what was seen, now or by the last look that saw something; None where none did.
        away: why nothing is seen now; empty where something is.
        away_since: when the first look in a row saw nothing.
    """

    at: datetime
    seen: Overview | None
    away: str = ""
    away_since: datetime | None = None


def frames(
    look: Callable[[], Overview], seconds: float, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Frame]:
    """Yields what each look sees, for ever; a ledger that is away ends nothing."""
    seen, since = None, None
    while True:
        at = datetime.now(UTC)
        try:
            seen = look()
        except FetchError as error:
            since = since or at
            yield Frame(at=at, seen=seen, away=error.message, away_since=since)
        else:
            since = None
            yield Frame(at=at, seen=seen)
        sleep(seconds)


def show_frames(settings: Settings, seconds: float, *, as_json: bool, all_chats: bool) -> NoReturn:
    """Shows one look after the other, until Ctrl-C: in place on a terminal, else one below the other."""
    hanging: Hanging = {}
    gaps_of = None if as_json or all_chats else GAPS_ON_A_SCREEN
    looks = frames(lambda: overview(settings, gaps_of=gaps_of, hanging=hanging), seconds)
    console = output()
    if as_json:
        for frame in looks:
            say_json(as_line(frame))
    elif console.is_terminal:
        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            for frame in looks:
                live.update(
                    framed(frame, size_of(console), seconds=seconds, all_chats=all_chats), refresh=True
                )
    else:
        for frame in looks:
            say_screen(partial(framed, frame, seconds=seconds, all_chats=all_chats))
            say()
    raise AssertionError("looking does not end by itself")


def framed(frame: Frame, size: Size, *, seconds: float, all_chats: bool = False) -> RenderableType:
    """Returns a look as a screen, under a line that says when it was, and one that says what is away."""
    head = f"{frame.at:%Y-%m-%d %H:%M:%S} UTC, again every {seconds:g} s until Ctrl-C"
    if frame.away_since is None and frame.seen is not None:
        return screen(frame.seen, size, all_chats=all_chats, head=head)
    since = f"{frame.away_since or frame.at:%H:%M:%S}"
    away = Text(f"since {since} UTC nothing can be seen: {legible(frame.away)}", style="bold red")
    away.no_wrap, away.overflow = True, "ellipsis"
    if frame.seen is None:
        return Group(away, Text(head, style="dim"))
    shorter = Size(width=size.width, height=size.height - 1 if size.height else None)
    was = f"{head}; the following was seen at {frame.seen.at:%H:%M:%S}"
    return Group(away, screen(frame.seen, shorter, all_chats=all_chats, head=was))


def as_line(frame: Frame) -> str:
    """Returns a look as one line of JSON: what was seen, or `at` and `error`."""
    if frame.away_since is None and frame.seen is not None:
        return frame.seen.model_dump_json()
    return json.dumps({"at": frame.at.isoformat(), "error": frame.away})
