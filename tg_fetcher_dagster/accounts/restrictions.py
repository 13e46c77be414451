"""What keeps an account from being used: its quarantine and its flood deadlines, as the ledger keeps them.

The ledger is asked between requests, never while one is under way. Where it refuses a write, what was to be
kept still holds in this process, and the log says so once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import structlog

from tg_fetcher_dagster.errors import ErrorType, FetchError, advice
from tg_fetcher_dagster.ledger import accounts as table
from tg_fetcher_dagster.ledger.database import Connection, Ledger

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Why an account is not used until somebody signs in again; `at` is aware."""

    reason: str
    at: datetime


class Restrictions:
    """The restrictions of one account; reading raises `FetchError` (storage) where the ledger refuses."""

    def __init__(self, ledger: Ledger, account: str) -> None:
        self.account = account
        self._ledger = ledger
        self._refused_before = False

    def quarantined(self) -> Quarantine | None:
        """Returns why the account is not used; None where it may be."""
        with self._ledger.read() as connection:
            row = table.account_of(connection, self.account)
        if row is None or row.quarantine_reason is None:
            return None
        return Quarantine(row.quarantine_reason, datetime.fromtimestamp(row.quarantined_at or 0.0, UTC))

    def require_usable(self) -> None:
        """Lets an account pass that may be used.

        Raises:
            FetchError: (auth) it is in quarantine.
        """
        quarantine = self.quarantined()
        if quarantine is not None:
            raise FetchError(
                ErrorType.AUTH,
                f"account {self.account!r} is in quarantine since {quarantine.at:%Y-%m-%d %H:%M} UTC"
                f" ({quarantine.reason}): sign in again with tg-fetcher login",
            )

    def quarantine(self, reason: str) -> None:
        """Keeps the account from being used until somebody signs in again (telegram.md, 27)."""
        at = datetime.now(UTC).timestamp()
        self._write(lambda connection: table.put_quarantine(connection, self.account, reason, at))
        log.error(
            "account in quarantine",
            account=self.account,
            error_type=ErrorType.AUTH.value,
            reason=reason,
            advice=advice([ErrorType.AUTH]),
        )

    def signed_in(self, user_id: int | None) -> None:
        """Lifts the quarantine.

        Raises:
            FetchError: (storage) the ledger refuses: the account could not be used.
        """
        with self._ledger.write() as connection:
            table.put_signed_in(connection, self.account, user_id)

    def forget(self) -> bool:
        """Forgets all restrictions of an account that is removed; False where nothing is known of it.

        Raises:
            FetchError: (storage) the ledger refuses.
        """
        with self._ledger.write() as connection:
            return table.drop_account(connection, self.account)

    def forget_floods(self) -> bool:
        """Forgets all flood deadlines, because somebody said so; False where nothing is known of the account.

        Raises:
            FetchError: (storage) the ledger refuses.
        """
        with self._ledger.write() as connection:
            return table.drop_floods(connection, self.account)

    def floods(self) -> dict[str, object]:
        """Returns until when which method rests, in seconds since 1970, as it is kept: believe no number."""
        return deadlines_of(self.kept_floods())

    def kept_floods(self) -> str:
        """Returns the same as the JSON that is kept."""
        with self._ledger.read() as connection:
            row = table.account_of(connection, self.account)
        return row.floods if row is not None else "{}"

    def keep_floods(self, until: Mapping[str, float]) -> None:
        """Keeps until when which method rests."""
        text = orjson.dumps(dict(until)).decode()
        self._write(lambda connection: table.put_floods(connection, self.account, text))

    def _write(self, change: Callable[[Connection], None]) -> None:
        try:
            with self._ledger.write() as connection:
                change(connection)
        except FetchError as error:
            if not self._refused_before:
                log.warning("not kept", account=self.account, error=error.message)
            self._refused_before = True
        else:
            self._refused_before = False


def deadlines_of(kept: str) -> dict[str, object]:
    """Returns the deadlines of an account's row, as they are kept; none where the row is damaged."""
    try:
        found = orjson.loads(kept)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict):
        return found
    log.warning("flood deadlines are not readable", kept=kept[:40])
    return {}
