"""What the commands share that work on the kept files and ask nobody: which chat, which days, who is told."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

from tg_fetcher_dagster.cli.usage import spelling_of
from tg_fetcher_dagster.errors import ErrorType, FetchError

if TYPE_CHECKING:
    from tg_fetcher_dagster.settings import Settings


def key_of(chat: str, settings: "Settings") -> str:
    """Returns the key under which a chat is kept; of a forgotten one that under which its files are.

    Raises:
        WrongUse: it is an option that nobody knows.
        FetchError: (validation) it is no chat's name, link or id; (not_found) nothing is kept of it.
    """
    from tg_fetcher_dagster.chats.identity_table import open_identities
    from tg_fetcher_dagster.chats.ids import id_key

    spelling = spelling_of(chat)
    with open_identities(settings) as identities:
        known = identities.kept(chat)
    if known is not None:
        return known.key
    for key in (spelling.likely_key, *map(id_key, spelling.marked_ids)):
        if (settings.data_dir / key).is_dir():
            return key
    raise FetchError(ErrorType.NOT_FOUND, f"chat {chat!r} is not kept here: see tg-fetcher chats list")


def days_in(kept: Iterable[date], *, first: date | None, last: date | None) -> Iterator[date]:
    """Yields the kept days of a range; all of them where none is given."""
    return (each for each in kept if (first is None or each >= first) and (last is None or each <= last))


def publish_what_was_told(settings: "Settings") -> None:
    """Publishes the events that were recorded, where Redis is there; else they wait in the outbox."""
    from tg_fetcher_dagster.cli.console import note
    from tg_fetcher_dagster.events.draining import drain_outbox

    try:
        drain_outbox(settings)
    except FetchError as error:
        note(f"events wait in the outbox: {error.message}")
