"""Which accounts there are and whether each can be used now."""

from dataclasses import dataclass

from filelock import FileLock, Timeout

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.settings import Settings


@dataclass(frozen=True, kw_only=True)
class AccountState:
    """One account of this host.

    Attributes:
        state: `ready`, `in use`, `quarantined: ...` or why its session cannot be opened.
    """

    name: str
    state: str
    display_name: str | None = None
    user_id: int | None = None


def account_states(settings: Settings) -> list[AccountState]:
    """Returns the accounts of SESSION_DIR, sorted by name; asks nobody but the disk."""
    store = AccountStore(settings.session_dir, settings.session_key)
    return [_state(name, store, settings) for name in store.names()]


def _state(name: str, store: AccountStore, settings: Settings) -> AccountState:
    quarantine = store.quarantined(name)
    if quarantine is not None:
        return AccountState(name=name, state=f"quarantined {quarantine.at:%Y-%m-%d}: {quarantine.reason}")
    try:
        account = store.load(name)
    except FetchError as error:
        return AccountState(name=name, state=error.message)
    return AccountState(
        name=name,
        state="in use" if _in_use(settings, name) else "ready",
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
