"""Days as they are written on a command line."""

import re
from datetime import date
from typing import Annotated

import typer

from tg_fetcher_dagster.cli.usage import WrongUse

_FORM = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse_day(text: str) -> date:
    """Returns the day that `YYYY-MM-DD` means.

    Raises:
        typer.BadParameter: it means none.
    """
    try:
        return date.fromisoformat(text if _FORM.fullmatch(text) else "")
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day: write YYYY-MM-DD") from None


def _option(name: str, told: str) -> object:
    return typer.Option(name, parser=parse_day, metavar="YYYY-MM-DD", help=told)


DateOption = Annotated[date | None, _option("--date", "One day.")]
FromOption = Annotated[date | None, _option("--from", "The first day of a range.")]
ToOption = Annotated[date | None, _option("--to", "The last day of a range.")]


def check_range(first: date | None, last: date | None) -> None:
    """Refuses half a range and one that is the wrong way round.

    Raises:
        WrongUse: with the reason.
    """
    if (first is None) != (last is None):
        raise WrongUse("--from and --to belong together")
    if first and last and first > last:
        raise WrongUse(f"--from {first} is after --to {last}")
