"""Whether a run of an account would have to wait, so that none is started in vain."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tg_fetcher_dagster.accounts.pacing import ANYTHING, CONNECTING, believed_deadline
from tg_fetcher_dagster.accounts.restrictions import Restrictions, deadlines_of
from tg_fetcher_dagster.ledger.database import Ledger

READING: Final = frozenset({ANYTHING, CONNECTING, "help.getConfig", "users.getUsers", "messages.getHistory"})
"""What every run that reads a history asks for: it cannot go on while one of these rests."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Why no run is started now.

    Attributes:
        why: one line.
        until: seconds since 1970; None where no time ends it, but somebody who signs in.
    """

    why: str
    until: float | None


def account_waits(ledger: Ledger, account: str, now: float) -> Wait | None:
    """Returns what an account waits for before a run of it can read a history; None for nothing.

    Args:
        ledger: opened.
        account: its name.
        now: seconds since 1970.

    Raises:
        FetchError: (storage) the ledger cannot be read.
    """
    restrictions = Restrictions(ledger, account)
    quarantine = restrictions.quarantined()
    if quarantine is not None:
        return Wait(f"account {account} is in quarantine: {quarantine.reason}", None)
    found = believed_rests(restrictions.kept_floods(), now=now)
    deadlines = {method: until for method, until in found.items() if method in READING}
    if not deadlines:
        return None
    method, until = max(deadlines.items(), key=lambda each: each[1])
    return Wait(f"account {account} waits until {_shown(until)}: {_named(method)}", until)


def rests(ledger: Ledger, account: str, now: float) -> dict[str, float]:
    """Returns until when which method of an account rests, in seconds since 1970; any method."""
    return believed_rests(Restrictions(ledger, account).kept_floods(), now=now)


def believed_rests(kept: str, *, now: float) -> dict[str, float]:
    """Returns the deadlines of an account's row that can be believed and have not passed, by method."""
    found = {method: believed_deadline(until, now=now) for method, until in deadlines_of(kept).items()}
    return {method: until for method, until in sorted(found.items()) if until is not None}


def rest_line(method: str, until: float) -> str:
    """Returns a few words about a method that rests."""
    return f"waits until {_shown(until)}: {_named(method)}"


def _shown(until: float) -> str:
    return f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _named(method: str) -> str:
    if method == ANYTHING:
        return "Telegram has limited the whole account"
    return "Telegram takes no connection" if method == CONNECTING else f"Telegram's flood wait of {method}"
