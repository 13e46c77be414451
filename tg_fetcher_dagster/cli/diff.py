"""`tg-fetcher diff`: what the last reading of a day found different from what was told before."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from tg_fetcher_dagster.cli.console import say
from tg_fetcher_dagster.cli.dates import parse_day
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.errors import ErrorType, FetchError

if TYPE_CHECKING:
    from tg_fetcher_dagster.settings import Settings
    from tg_fetcher_dagster.storage.changes import Changed, ChangeRecord
    from tg_fetcher_dagster.storage.coverage import Coverage

_KINDS = {"added": "added", "edited": "edited", "deleted": "deleted", "recounted": "with other counts"}


def diff(
    chat: Annotated[str, typer.Argument(help="@name, https://t.me/name, -100123..., or a chat's key.")],
    day: Annotated[date, typer.Argument(parser=parse_day, metavar="YYYY-MM-DD", help="The day.")],
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Show what the last reading of a day changed: ids of messages, at most 100 of each kind.

    "With other counts" are messages in which only reactions, views, forwards or comments differ. Exit code 1
    where the day is not kept, or was read once and has nothing to be compared with. Earlier contents stand
    in the day's versions/ folder.
    """
    from tg_fetcher_dagster.cli.offline import key_of

    settings = read_settings()
    key = key_of(chat, settings)
    read = _coverage(settings, key, day)
    if read is None:
        raise FetchError(ErrorType.NOT_FOUND, f"{key} {day} is not kept: tg-fetcher fetch {key} --date {day}")
    changes = changes_of(read)
    if changes is None:
        raise FetchError(
            ErrorType.NOT_FOUND,
            f"{key} {day} was read at {read.fetched_at:%Y-%m-%dT%H:%M:%SZ} and not compared with anything"
            " that was told before",
        )
    if as_json:
        told = {
            "chat": key,
            "date": day.isoformat(),
            "fetched_at": read.fetched_at.isoformat(),
            **changes.model_dump(mode="json"),
        }
        say(orjson.dumps(told).decode())
        return
    for line in lines_of(read, changes):
        say(line)


def changes_of(read: "Coverage") -> "ChangeRecord | None":
    """Returns what a reading changed; None where there was nothing to compare it with."""
    from tg_fetcher_dagster.storage.changes import ChangeRecord

    if read.changes is None and read.outcome == "unchanged":
        return ChangeRecord()
    return read.changes


def lines_of(read: "Coverage", changes: "ChangeRecord") -> list[str]:
    """Returns the lines to show: a summary, and the ids of each kind of change that there is."""
    counts = {kind: getattr(changes, kind) for kind in _KINDS}
    summary = ", ".join(f"{counts[kind].count} {said}" for kind, said in _KINDS.items())
    head = f"{read.chat} {read.date}, read {read.fetched_at:%Y-%m-%dT%H:%M:%SZ}: {summary}"
    return [head, *(f"{said}: {_ids(counts[kind])}" for kind, said in _KINDS.items() if counts[kind].count)]


def _ids(changed: "Changed") -> str:
    named = ", ".join(str(each) for each in changed.ids)
    more = changed.count - len(changed.ids)
    return f"{named} and {more} more" if more else named


def _coverage(settings: "Settings", key: str, day: date) -> "Coverage | None":
    from tg_fetcher_dagster.ledger.database import Ledger
    from tg_fetcher_dagster.storage.coverage import coverage_in

    ledger = Ledger.open(settings.ledger_location)
    try:
        with ledger.read() as connection:
            return coverage_in(connection, key, day)
    finally:
        ledger.close()
