"""One process at a time uses a session: a lock on `{SESSION_DIR}/{account}.lock`.

Telegram kills a key that is used from two addresses at once (telegram.md, 26). The lock is the operating
system's: a killed process gives it back. It covers one machine; an account stays on its host.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from filelock import FileLock, Timeout

from tg_fetcher_dagster.errors import ErrorType, FetchError

log = structlog.get_logger(__name__)

WAIT_SECONDS = 30.0
"""How long a second process waits: runs of one account follow each other by Dagster's pool already."""

_POLL_SECONDS = 0.2


@asynccontextmanager
async def account_lease(
    session_dir: Path, account: str, *, wait: float = WAIT_SECONDS
) -> AsyncIterator[None]:
    """Holds the account until the block ends; disconnect inside the block.

    Raises:
        FetchError: (account_busy) another process still uses the account after `wait` seconds; (storage) the
            folder cannot be written.
    """
    lock = FileLock(session_dir / f"{account}.lock", thread_local=False)
    holder = session_dir / f".{account}.holder"
    deadline = time.monotonic() + wait
    told = False
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            if time.monotonic() >= deadline:
                raise FetchError(
                    ErrorType.ACCOUNT_BUSY,
                    f"account {account} is in use by {_named(holder)}: one process at a time uses a session",
                    retry_after=wait or 1.0,
                ) from None
            if not told:
                log.info(
                    "waiting for the account", account=account, held_by=_named(holder), wait_seconds=wait
                )
                told = True
            await asyncio.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))
        except OSError as error:
            raise FetchError(ErrorType.STORAGE, f"{session_dir} cannot be written: {error}") from error
    try:
        # Only for the line that a second process shows; the lock itself is what counts.
        with contextlib.suppress(OSError):
            holder.write_text(str(os.getpid()))
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _named(holder: Path) -> str:
    try:
        return f"process {int(holder.read_text())}"
    except (OSError, ValueError):
        return "another process"
