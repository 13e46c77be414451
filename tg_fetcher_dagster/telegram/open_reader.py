"""An account's reader, leased and connected for as long as somebody reads with it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from tg_fetcher_dagster.accounts.lease import WAIT_SECONDS, account_lease
from tg_fetcher_dagster.accounts.pacing import Timing
from tg_fetcher_dagster.accounts.request_counts import RequestCounts
from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.accounts.sessions import stored_session
from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.edges import Edges
from tg_fetcher_dagster.telegram.opening import account_line, own_user_id
from tg_fetcher_dagster.telegram.reader import TelegramReader

log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_reader(
    settings: Settings,
    *,
    account: str | None = None,
    lease_wait: float = WAIT_SECONDS,
    counts: RequestCounts | None = None,
    timing: Timing | None = None,
) -> AsyncIterator[TelegramReader]:
    """Leases the account, connects, and yields what reads with it; disconnects before the lease ends.

    Two requests: `help.getConfig` opens the connection, `users.getUsers` tells whose account it is.

    Args:
        settings: as they are now.
        account: TELEGRAM_ACCOUNT where none is named.
        lease_wait: how many seconds to wait for another process that uses the account.
        counts: is told of each request, and kept by whoever gave it; None: they are kept at the end.
        timing: how time passes.

    Raises:
        FetchError: (auth) no such account, or Telegram refuses it, which puts it into quarantine; (network)
            Telegram cannot be reached; (account_busy) another process uses the account; (rate_limit)
            Telegram wants a pause; (validation) the api id; (storage) the ledger cannot be opened.
    """
    name = account or settings.telegram_account
    store = AccountStore(settings.session_dir, settings.session_key)
    stored = store.load(name)
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(settings.ledger_location))
        restrictions = Restrictions(ledger, name)
        await stack.enter_async_context(account_lease(settings.session_dir, name, wait=lease_wait))
        # Now, and not before: whoever had the account may have found out that it has ended.
        restrictions.require_usable()
        counting = counts or RequestCounts()
        if counts is None:
            stack.callback(counting.keep, ledger)
        send = account_line(
            settings,
            stored_session(stored.session.get_secret_value()),
            restrictions=restrictions,
            quarantine=restrictions.quarantine,
            counts=counting,
            timing=timing,
        )
        try:
            user_id = await own_user_id(send, about=f"account {name}", kept=stored.user_id)
            log.info("connected", account=name)
            edges = Edges(messages=settings.edge_messages, pages=settings.edge_pages)
            yield TelegramReader(
                send, account=name, user_id=user_id, signed_in_at=stored.saved_at, edges=edges
            )
        finally:
            await send.close()
