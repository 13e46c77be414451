"""`tg-fetcher failed`: commands that ended in the dead letters, any number of them, read in pages."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.asking import confirm
from tg_fetcher_dagster.cli.console import note, say, say_json, say_table
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.cli.usage import WrongUse
from tg_fetcher_dagster.errors import ErrorType, FetchError

if TYPE_CHECKING:
    from tg_fetcher_dagster.ledger.database import Ledger
    from tg_fetcher_dagster.ledger.dead_letters import DeadLetter, Which

app = typer.Typer(help="Commands that failed for good, and why.", rich_markup_mode=None)

SHOWN = 50
PAGE = 500
"""Letters that are held in memory at once; one has 64 KiB at most."""

LetterArgument = Annotated[str | None, typer.Argument(help="The id that `failed list` shows.")]
ChatOption = Annotated[
    str | None, typer.Option("--chat", help="Those of this chat, as `failed list` has it.")
]
SortOption = Annotated[
    ErrorType | None, typer.Option("--error-type", help="Those that failed for this sort of reason.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All of them.")]


@app.command("list")
def list_failed(
    number: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = SHOWN,
    before: Annotated[
        int | None, typer.Option("--before", min=1, help="Those that are older than this number.")
    ] = None,
    chat: ChatOption = None,
    error_type: SortOption = None,
) -> None:
    """Show the dead letters, the newest first."""
    from tg_fetcher_dagster.ledger import dead_letters

    which = _which(None, chat, error_type)
    shown = 0
    with _ledger() as ledger:
        with ledger.read() as connection:
            total = dead_letters.count(connection, which)
        while shown < number:
            with ledger.read() as connection:
                page = dead_letters.newest(connection, which, limit=min(PAGE, number - shown), before=before)
            if not page:
                break
            say_table(("number", "id", "failed at", "chat", "sort", "why"), map(_row, page))
            shown += len(page)
            before = page[-1].seq
    if not shown:
        note("no command has failed")
    elif total > shown:
        note(f"{shown} of {total}; older ones: --before {before}")


@app.command("show")
def show_failed(letter: Annotated[str, typer.Argument(help="The id that `failed list` shows.")]) -> None:
    """Show a dead letter as it came, with all that is known of its failure."""
    from tg_fetcher_dagster.ledger import dead_letters

    with _ledger() as ledger, ledger.read() as connection:
        found = dead_letters.newest(connection, _which(letter, None, None), limit=1)
    if not found:
        raise _unknown(letter)
    say_json(found[0].letter.decode(errors="backslashreplace"))


@app.command("retry")
def retry_failed(
    letter: LetterArgument = None,
    chat: ChatOption = None,
    error_type: SortOption = None,
    every: AllOption = False,
) -> None:
    """Ask again for what failed: by id, by chat, by sort, or all, the oldest first."""
    from tg_fetcher_dagster.requests.dead_letter_retry import revive

    which = _chosen(letter, chat, error_type, every=every)
    done, began = 0, time.time()
    with _ledger() as ledger:
        while again := revive(ledger, which, limit=PAGE, now=began):
            done += again
    if not done and letter is not None:
        raise _unknown(letter)
    say(f"{done} commands are asked for again")


@app.command("drop")
def drop_failed(
    letter: LetterArgument = None,
    chat: ChatOption = None,
    error_type: SortOption = None,
    every: AllOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Throw dead letters away: by id, by chat, by sort, or all."""
    from tg_fetcher_dagster.ledger import dead_letters

    which = _chosen(letter, chat, error_type, every=every)
    with _ledger() as ledger:
        with ledger.read() as connection:
            total = dead_letters.count(connection, which)
        if not total and letter is not None:
            raise _unknown(letter)
        if total > 1 and not yes and not confirm(f"throw {total} dead letters away?", default=False):
            note("nothing was thrown away")
            raise typer.Exit(1)
        done = 0
        while True:
            with ledger.write() as connection:
                page = dead_letters.oldest(connection, which, limit=PAGE)
                done += dead_letters.remove(connection, [each.seq for each in page])
            if len(page) < PAGE:
                break
    say(f"{done} dead letters are gone")


def _row(letter: "DeadLetter") -> tuple[object, ...]:
    at = datetime.fromtimestamp(letter.failed_at, UTC)
    return (letter.seq, letter.letter_id, f"{at:%Y-%m-%d %H:%M:%S}", letter.chat or "", letter.error_type,
            letter.error)  # fmt: skip


def _which(letter: str | None, chat: str | None, error_type: ErrorType | None) -> "Which":
    from tg_fetcher_dagster.ledger.dead_letters import Which

    return Which(wanted=letter, chat=chat, error_type=error_type.value if error_type else None)


def _chosen(letter: str | None, chat: str | None, error_type: ErrorType | None, *, every: bool) -> "Which":
    """The letters that are meant: all only where that is said.

    Raises:
        WrongUse: nothing says which, or `--all` and a choice contradict each other.
    """
    chosen = any(each is not None for each in (letter, chat, error_type))
    if chosen is every:
        raise WrongUse("give an id, --chat, --error-type, or --all")
    return _which(letter, chat, error_type)


def _unknown(letter: str) -> FetchError:
    return FetchError(ErrorType.NOT_FOUND, f"no failed command {letter!r}: see tg-fetcher failed list")


def _ledger() -> "Ledger":
    from tg_fetcher_dagster.ledger.database import Ledger

    return Ledger.open(read_settings().ledger_location)
