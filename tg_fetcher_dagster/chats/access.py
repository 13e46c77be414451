"""Whether a chat can be read: one that answers "no access" or "not found" leaves the daily round.

It stays kept and is asked for again once a day, by one request, and comes back by itself when it answers.
Who asks for it explicitly is not held up.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import chats as table
from tg_fetcher_dagster.ledger.database import Connection, Ledger, now

log = structlog.get_logger(__name__)

REFUSALS = frozenset({ErrorType.NO_ACCESS, ErrorType.NOT_FOUND})
"""The sorts of failure that are about the chat as a whole and do not pass by themselves."""

ASK_AGAIN_SECONDS = 20 * 3600.0
"""Less than a day, so that a daily round that comes a little earlier than the last one asks all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a chat is not read.

    Attributes:
        error_type: `no_access` or `not_found`.
        why: one line.
        since: when that was first answered.
        ask_again_at: when it is asked for again.
    """

    error_type: ErrorType
    why: str
    since: datetime
    ask_again_at: datetime

    @property
    def state(self) -> str:
        """A few words for tables."""
        said = "no access" if self.error_type is ErrorType.NO_ACCESS else "not found"
        return f"{said} since {self.since:%Y-%m-%d}"

    @property
    def line(self) -> str:
        """One line for `status` and the log."""
        return f"{self.state}: {self.why}; asked for again after {self.ask_again_at:%Y-%m-%d %H:%M} UTC"


def refuse(connection: Connection, key: str, error: FetchError, at: float) -> bool:
    """Keeps that a chat cannot be read; returns True where that is new, False for another sort of failure.

    Args:
        connection: an open transaction.
        key: the chat's.
        error: why.
        at: when, in seconds since 1970.
    """
    if error.error_type not in REFUSALS:
        return False
    before = table.refused_chat(connection, key)
    table.put_refused(
        connection,
        table.RefusedRow(
            key=key,
            error_type=error.error_type.value,
            why=error.message,
            since=before.since if before is not None else at,
            ask_again_at=at + ASK_AGAIN_SECONDS,
        ),
    )
    return before is None


def welcome_back(connection: Connection, key: str) -> bool:
    """Keeps that a chat can be read; returns False where nothing else was known."""
    return table.drop_refused(connection, key)


def refusals(connection: Connection) -> dict[str, Refusal]:
    """Returns the kept chats that cannot be read, by key."""
    return {
        key: Refusal(
            error_type=ErrorType(row.error_type),
            why=row.why,
            since=datetime.fromtimestamp(row.since, UTC),
            ask_again_at=datetime.fromtimestamp(row.ask_again_at, UTC),
        )
        for key, row in table.refused_chats(connection).items()
        if row.error_type in REFUSALS
    }


def note_access(ledger: Ledger, key: str, error: FetchError | None) -> None:
    """Keeps whether a chat could be read, where that is something new; said once in the log.

    A ledger that refuses is told in the log: what was read, or why it was not, counts for more.

    Args:
        ledger: opened.
        key: the chat's.
        error: what reading it ended with; None where it was read.
    """
    if error is not None and error.error_type not in REFUSALS:
        return
    try:
        if error is None:
            with ledger.read() as connection:
                if table.refused_chat(connection, key) is None:
                    return
            with ledger.write() as connection:
                is_new = welcome_back(connection, key)
        else:
            with ledger.write() as connection:
                is_new = refuse(connection, key, error, now())
    except FetchError as failure:
        log.warning("not kept whether a chat can be read", chat=key, error=failure.message)
        return
    if is_new and error is None:
        log.info("a chat can be read again", chat=key)
    elif is_new and error is not None:
        log.warning("a chat leaves the daily round", chat=key, reason=error.message)
