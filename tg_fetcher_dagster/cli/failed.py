"""`tg-fetcher failed`: commands that ended in the dead letters."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.console import note, say, say_table
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.cli.usage import WrongUse
from tg_fetcher_dagster.errors import ErrorType, FetchError

if TYPE_CHECKING:
    from tg_fetcher_dagster.requests.queue import CommandQueue

app = typer.Typer(help="Commands that failed for good, and why.", rich_markup_mode=None)

SHOWN = 50


@app.command("list")
def list_failed(
    number: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = SHOWN,
) -> None:
    """Show the dead letters, the newest first."""
    from tg_fetcher_dagster.requests.queue import letter_id

    with _queue() as queue:
        letters = queue.dead_letters(number)
        total = queue.lengths()["failed"]
    if not letters:
        note("no command has failed")
        return
    rows = [
        (letter_id(each), each.get("failed_at", ""), each.get("chat", ""), each.get("error_type", ""),
         each.get("error", ""))
        for each in letters
    ]  # fmt: skip
    say_table(("id", "failed at", "chat", "sort", "why"), rows)
    if total > len(letters):
        note(f"and {total - len(letters)} older ones")


@app.command("retry")
def retry_failed(
    letter: Annotated[str | None, typer.Argument(help="The id that `failed list` shows.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them, the oldest first.")] = False,
) -> None:
    """Push dead letters into the queue again."""
    if (letter is None) is not every:
        raise WrongUse("give an id, or --all")
    with _queue() as queue:
        if letter is None:
            say(f"{queue.requeue_failed()} commands are in the queue again")
        elif queue.requeue_one(letter):
            say(f"{letter} is in the queue again")
        else:
            raise FetchError(ErrorType.NOT_FOUND, f"no failed command {letter!r}: see tg-fetcher failed list")


@contextmanager
def _queue() -> "Iterator[CommandQueue]":
    from tg_fetcher_dagster.redis_connection import connect
    from tg_fetcher_dagster.requests.queue import CommandQueue

    settings = read_settings()
    with connect(settings) as client:
        yield CommandQueue(client, settings.commands_queue)
