"""Commands among the dead letters that are asked for again."""

import hashlib
from typing import Any

from tg_fetcher_dagster.ledger import dead_letters, requests
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.dead_letters import DeadLetter, Which
from tg_fetcher_dagster.requests.asking import new_id
from tg_fetcher_dagster.requests.dead_letters import revived


def revive(ledger: Ledger, which: Which, *, limit: int, now: float) -> int:
    """Asks again for the oldest letters that are meant; returns how many, 0 where none are left.

    Each becomes a new request in the transaction in which its letter goes, so that none is lost or asked for
    twice, and no Redis is needed. What fails again is a letter again.

    Raises:
        FetchError: (storage) the ledger refuses.
    """
    with ledger.write() as connection:
        letters = dead_letters.oldest(connection, which, limit=limit)
        requests.insert(connection, [_request(each, now=now) for each in letters])
        dead_letters.remove(connection, [each.seq for each in letters])
    return len(letters)


def _request(letter: DeadLetter, *, now: float) -> dict[str, Any]:
    raw = revived(letter.letter)
    request_id = new_id()
    return {
        "request_id": request_id,
        "source": "cli",
        "state": "new",
        "raw": raw,
        "raw_sha256": hashlib.sha256(raw).hexdigest(),
        "correlation_id": request_id,
        "received_at": now,
    }
