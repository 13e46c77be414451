"""`tg-fetcher status`: what needs a person, what waits for what until when, what works."""

from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.console import say_json, say_screen
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.cli.usage import WrongUse

if TYPE_CHECKING:
    from tg_fetcher_dagster.cli.overview import Overview
    from tg_fetcher_dagster.settings import Settings

EVERY = 2.0
"""Seconds between two looks of --watch."""

LEAST_SECONDS = 0.2
"""Between two looks: each asks the ledger, Redis and the disk."""


def status(
    seconds: Annotated[
        float | None,
        typer.Argument(metavar="[SECONDS]", help=f"With --watch: so often [{EVERY:g}].", show_default=False),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C; SECONDS may follow.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Everything, as one JSON object; with --watch one a line.")
    ] = False,
    all_chats: Annotated[
        bool, typer.Option("--all", help="A row for each chat, however many there are.")
    ] = False,
    need_redis: Annotated[
        bool, typer.Option("--need-redis", help="Exit with 1 where Redis is away.")
    ] = False,
    files: Annotated[
        bool, typer.Option("--files", help="Look at every file, too: some are gone, or of another size.")
    ] = False,
) -> None:
    """Show what needs a person, what waits for what until when, and what works, on one screen."""
    if seconds is not None and (not watch or seconds < LEAST_SECONDS):
        raise WrongUse(f"SECONDS stands behind --watch and is at least {LEAST_SECONDS:g}")
    if watch and (files or need_redis):
        raise WrongUse("--watch goes with neither --files nor --need-redis")
    settings = read_settings()
    if watch:
        from tg_fetcher_dagster.cli.status_watch import show_frames

        show_frames(settings, seconds or EVERY, as_json=as_json, all_chats=all_chats)
    seen = _overview(settings, every_gap=as_json or all_chats, files=files)
    if as_json:
        say_json(seen.model_dump_json(indent=2))
    else:
        from tg_fetcher_dagster.cli.status_screen import screen

        say_screen(lambda size: screen(seen, size, all_chats=all_chats))
    if need_redis and seen.redis_error:
        raise typer.Exit(1)


def _overview(settings: "Settings", *, every_gap: bool, files: bool) -> "Overview":
    from tg_fetcher_dagster.cli.overview_sources import GAPS_ON_A_SCREEN, overview

    damaged = None
    if files:
        from tg_fetcher_dagster.cli.damaged_files import damaged_days

        damaged = damaged_days(settings)
    return overview(settings, gaps_of=None if every_gap else GAPS_ON_A_SCREEN, damaged=damaged)
