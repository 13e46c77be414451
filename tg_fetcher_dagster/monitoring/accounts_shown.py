"""Whether each account can be used, by what the ledger and the names of the kept sessions say. Pure.

No session is opened for it, and nobody is asked.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from tg_fetcher_dagster.accounts.waiting import READING, believed_rests
from tg_fetcher_dagster.ledger.attempts import UnderWay
from tg_fetcher_dagster.ledger.monitored import AccountKnown
from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.monitoring.families import Shown

State = Literal["ready", "resting", "quarantined", "signed_out"]

STATES: Final = shown.ACCOUNTS.values["state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountShown:
    """One account at a moment.

    Attributes:
        free_at: until when it rests, seconds since 1970; None where it does not, or no time ends it.
        why: why it is in quarantine.
    """

    name: str
    state: State
    free_at: float | None = None
    why: str | None = None


def accounts_shown(
    known: Iterable[AccountKnown], *, sessions: Collection[str] | None, configured: str, at: float
) -> list[AccountShown]:
    """Returns each account that is kept, known or to be used, by name.

    Args:
        known: what the ledger knows.
        sessions: the accounts of SESSION_DIR; None where this process does not see it.
        configured: the account that reads.
        at: seconds since 1970.
    """
    rows = {each.name: each for each in known}
    names = sorted({*rows, *(sessions or ()), configured})
    return [_shown(name, rows.get(name), sessions=sessions, at=at) for name in names]


def _shown(
    name: str, row: AccountKnown | None, *, sessions: Collection[str] | None, at: float
) -> AccountShown:
    if row is not None and row.quarantine_reason is not None:
        return AccountShown(name=name, state="quarantined", why=row.quarantine_reason)
    signed_in = name in sessions if sessions is not None else row is not None and row.user_id is not None
    if not signed_in:
        return AccountShown(name=name, state="signed_out")
    rests = believed_rests(row.floods, now=at) if row is not None else {}
    free_at = max((until for method, until in rests.items() if method in READING), default=None)
    return AccountShown(name=name, state="ready" if free_at is None else "resting", free_at=free_at)


def account_gauges(
    accounts: Iterable[AccountShown], under_way: Iterable[UnderWay], *, pace: float, at: float
) -> list[Shown]:
    """Returns the gauges of all accounts.

    Args:
        accounts: as they are now.
        under_way: runs, by host and account.
        pace: requests a second that each is allowed.
        at: seconds since 1970.
    """
    heard_of: dict[str, float] = {}
    for each in under_way:
        if each.account is not None:
            heard_of[each.account] = min(each.heard_of_at, heard_of.get(each.account, each.heard_of_at))
    gauges: list[Shown] = []
    counted = Counter[str]()
    for account in accounts:
        name = account.name
        counted[account.state] += 1
        gauges += [
            Shown(shown.ACCOUNT_STATE, float(account.state == state), (name, state)) for state in STATES
        ]
        gauges += [
            Shown(shown.ACCOUNT_FREE_IN, max(0.0, (account.free_at or at) - at), (name,)),
            Shown(shown.LEASE_AGE, max(0.0, at - heard_of.get(name, at)), (name,)),
            Shown(shown.PACE, pace, (name,)),
        ]
    return [*gauges, *(Shown(shown.ACCOUNTS, counted[state], (state,)) for state in STATES)]
