"""States that are waited for before a run is asked for: Telegram away, an account in flood or quarantine."""

from typing import Final

from tg_fetcher_dagster.accounts.waiting import Wait, account_waits
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger import conditions
from tg_fetcher_dagster.ledger.database import Connection, Ledger

TELEGRAM_AWAY: Final = "telegram"
"""The condition that stands while nobody reaches Telegram."""

REDIS_AWAY: Final = "redis"
"""The condition that stands while Redis is away: no command is taken, and no event published."""

PROBE_SECONDS: Final = 60.0
"""Telegram being away is looked at again after so long: a run is the only one to find out."""


LONGEST_AWAY: Final = 900.0
"""Seconds between two looks whether Telegram is back; they begin with PROBE_SECONDS and double."""


def note_away(connection: Connection, error: FetchError, *, now: float) -> None:
    """Notes that a run could not reach Telegram: the next look at it comes later each time."""
    standing = conditions.standing_conditions(connection)
    times = next((each.count for each in standing if each.name == TELEGRAM_AWAY), 0)
    until = now + min(PROBE_SECONDS * 2 ** min(times, 10), LONGEST_AWAY)
    conditions.condition_begins(connection, TELEGRAM_AWAY, error.message, until=until)


def note_back(connection: Connection) -> bool:
    """Notes that a run has reached Telegram; returns True where it was away before."""
    return conditions.condition_ends(connection, TELEGRAM_AWAY) is not None


def was_away(ledger: Ledger) -> bool:
    """True where the last run that tried did not reach Telegram."""
    with ledger.read() as connection:
        return any(each.name == TELEGRAM_AWAY for each in conditions.standing_conditions(connection))


def waits_for(ledger: Ledger, now: float, *, account: str) -> Wait | None:
    """Returns what a new run would have to wait for; None where one may start.

    Args:
        ledger: where conditions and accounts stand.
        now: seconds since 1970.
        account: the account that would read.
    """
    with ledger.read() as connection:
        standing = conditions.standing_conditions(connection)
    for each in standing:
        until = each.until if each.until is not None else each.since + PROBE_SECONDS
        # What is further away was noted before somebody put the clock back.
        if each.name == TELEGRAM_AWAY and now < until <= now + 2 * LONGEST_AWAY:
            return Wait(f"Telegram is away: {each.why}", until)
    return account_waits(ledger, account, now)


def note_account_waits(ledger: Ledger, now: float, *, account: str) -> None:
    """Notes whether an account waits, for whoever reads the log: a flood of forty minutes, a quarantine.

    What another account waits for is nobody's trouble once this one reads.
    """
    wait = account_waits(ledger, account, now)
    why, until = (None, None) if wait is None else (wait.why, wait.until)
    name = f"{conditions.OF_ACCOUNT}{account}"
    with ledger.read() as connection:
        standing = conditions.standing_conditions(connection)
    for each in standing:
        if each.name.startswith(conditions.OF_ACCOUNT) and each.name != name:
            conditions.set_condition(ledger, each.name, None)
    if not any((each.name, each.why, each.until) == (name, why, until) for each in standing):
        conditions.set_condition(ledger, name, why, until=until)
