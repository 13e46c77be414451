"""Which accounts there are and whether each can be used now."""

from dataclasses import dataclass

from filelock import FileLock, Timeout

from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.accounts.waiting import rest_line, rests
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger.database import Ledger, now
from tg_fetcher_dagster.settings import Settings


@dataclass(frozen=True, kw_only=True)
class AccountState:
    """One account of this host.

    Attributes:
        state: `ready`, `in use`, `waits until ...`, `quarantined ...` or why its session cannot be opened.
        usable: False in the last two cases: somebody must sign in.
    """

    name: str
    state: str
    display_name: str | None = None
    user_id: int | None = None
    usable: bool = True


def account_states(settings: Settings) -> list[AccountState]:
    """Returns the accounts of SESSION_DIR, sorted by name; asks nobody but the disk and the ledger.

    Raises:
        FetchError: (storage) the ledger cannot be read.
    """
    store = AccountStore(settings.session_dir, settings.session_key)
    names = store.names()
    if not names:
        return []
    with Ledger.open(settings.ledger_location) as ledger:
        return [_state(name, store, settings, ledger) for name in names]


def _state(name: str, store: AccountStore, settings: Settings, ledger: Ledger) -> AccountState:
    quarantine = Restrictions(ledger, name).quarantined()
    if quarantine is not None:
        state = f"quarantined {quarantine.at:%Y-%m-%d}: {quarantine.reason}"
        return AccountState(name=name, state=state, usable=False)
    try:
        account = store.load(name)
    except FetchError as error:
        return AccountState(name=name, state=error.message, usable=False)
    waits = [rest_line(method, until) for method, until in rests(ledger, name, now()).items()]
    return AccountState(
        name=name,
        state="; ".join(["in use" if _in_use(settings, name) else "ready", *waits]),
        display_name=account.display_name,
        user_id=account.user_id,
    )


def _in_use(settings: Settings, name: str) -> bool:
    """Whether a process holds the account's lease (accounts/lease.py): tried, and given back at once."""
    path = settings.session_dir / f"{name}.lock"
    if not path.exists():
        return False
    try:
        with FileLock(path, blocking=False):
            return False
    except Timeout:
        return True
    except OSError:
        return False
