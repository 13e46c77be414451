"""`tg-fetcher verify`: all that is kept, read to the last byte and held against itself."""

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.console import complain, note, say
from tg_fetcher_dagster.cli.dates import FromOption, ToOption, check_range
from tg_fetcher_dagster.cli.rebuild import told
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.cli.usage import WrongUse
from tg_fetcher_dagster.errors import FetchError

if TYPE_CHECKING:
    from tg_fetcher_dagster.fetching.context import DayContext
    from tg_fetcher_dagster.settings import Settings
    from tg_fetcher_dagster.storage.damage import Damage
    from tg_fetcher_dagster.storage.paths import Store


@dataclass
class _Tally:
    """What was looked at, and what is wrong with it."""

    days: int = 0
    damaged: "dict[tuple[str, date], tuple[Damage, ...]]" = field(default_factory=dict)

    def add(self, key: str, day: date, damages: "tuple[Damage, ...]") -> None:
        """Counts a day and tells of each damage."""
        self.days += 1
        if damages:
            self.damaged[key, day] = damages
        for damage in damages:
            say(f"{key} {day}: {damage}")


def verify(
    chat: Annotated[
        str | None, typer.Argument(help="@name, https://t.me/name, -100123..., or a chat's key [all].")
    ] = None,
    first: FromOption = None,
    last: ToOption = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Make again what raw files give, and fetch the other days, as `fetch` does."
        ),
    ] = False,
    direct: Annotated[
        bool, typer.Option("--direct", help="With --repair: fetch in this process, without Redis and daemon.")
    ] = False,
) -> None:
    """Find damage in what is kept: exit code 0 where all is well, else 1 with a line for each damage.

    Offline: Telegram is asked nothing, and without --repair nothing is changed. Every file is read to its
    end: checksums, day files and side files against what their raw files give, the records of the readings.
    """
    from tg_fetcher_dagster.cli.offline import days_in, key_of
    from tg_fetcher_dagster.fetching.context import DayContext
    from tg_fetcher_dagster.fetching.verifying import verify_day

    check_range(first, last)
    if direct and not repair:
        raise WrongUse("--direct belongs to --repair")
    settings = read_settings()
    context = DayContext(settings)
    store = context.store
    store.prepare()
    tally = _Tally()
    with TemporaryDirectory(prefix="tg-fetcher-") as scratch:
        for key in [key_of(chat, settings)] if chat else _kept_chats(store):
            for day in days_in(store.days(key), first=first, last=last):
                damages = verify_day(key, day, context, scratch=Path(scratch))
                tally.add(key, day, damages)
    say(f"{tally.days} days verified, {len(tally.damaged)} damaged")
    if not tally.damaged:
        return
    if not repair or not _repaired(tally, context, direct=direct):
        raise typer.Exit(1)


def _kept_chats(store: "Store") -> list[str]:
    from tg_fetcher_dagster.chats.spelling import KEY_PATTERN

    return [key for key in store.chats() if re.fullmatch(KEY_PATTERN, key)]


def _repaired(tally: _Tally, context: "DayContext", *, direct: bool) -> bool:
    """Makes again what raw files give and fetches the rest; returns False where something stays damaged."""
    from tg_fetcher_dagster.cli.offline import publish_what_was_told
    from tg_fetcher_dagster.days import stretches

    left, to_read = _made_again(tally, context)
    publish_what_was_told(context.settings)
    for key, days in to_read.items():
        for run in stretches(days):
            note(f"must be read again: {key} {run[0]} to {run[-1]}")
    return (not to_read or _fetched(to_read, context.settings, direct=direct)) and not left


def _made_again(tally: _Tally, context: "DayContext") -> tuple[int, dict[str, list[date]]]:
    """Returns how many days cannot be mended at all, and those that Telegram must be asked for."""
    from tg_fetcher_dagster.fetching.day_end import unasked
    from tg_fetcher_dagster.fetching.rebuild import rebuild_day
    from tg_fetcher_dagster.storage.damage import Part
    from tg_fetcher_dagster.storage.raw_file import RawFileError

    left = 0
    to_read: dict[str, list[date]] = {}
    for (key, day), damages in tally.damaged.items():
        record_too = any(damage.part is Part.COVERAGE for damage in damages)
        try:
            made = rebuild_day(
                key, day, context, told_as=lambda _then: unasked("verify"), record_from_raw=record_too
            )
        except RawFileError:
            to_read.setdefault(key, []).append(day)
        except FetchError as error:
            left += 1
            complain(error.message)
        else:
            say(f"{key} {day} {told(made)}")
    return left, to_read


def _fetched(to_read: dict[str, list[date]], settings: "Settings", *, direct: bool) -> bool:
    from tg_fetcher_dagster.cli.fetch import carried_out
    from tg_fetcher_dagster.cli.fetch_commands import Wanted, commands_for
    from tg_fetcher_dagster.days import stretches

    commands = [
        command
        for key, days in to_read.items()
        for run in stretches(days)
        for command in commands_for([key], Wanted(first=run[0], last=run[-1]), settings)
    ]
    return carried_out(commands, settings, direct=direct)
