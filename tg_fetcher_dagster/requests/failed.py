"""Dead letters as an operator sees them: listed, shown, asked for again, dropped; 100,000 of them as well.

A letter that is retried becomes a new request; the letter goes in the same transaction.
"""

import hashlib
import uuid
from collections.abc import Callable, Sequence

from tg_fetcher_dagster.ledger import dead_letters, requests
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.dead_letters import ALL, DeadLetter, Which
from tg_fetcher_dagster.requests.dead_letters import revived
from tg_fetcher_dagster.requests.received import received_row

AT_ONCE = 1_000
"""Letters of one transaction."""

Unmirror = Callable[[Sequence[bytes]], None]
"""Takes letters out of the Redis list that shows them (`RedisCommands.unmirror`)."""


def list_letters(
    ledger: Ledger, which: Which = ALL, *, newest: int = 50, before: int | None = None
) -> list[DeadLetter]:
    """Returns letters, the newest first; `before`: only those below this number, for the next page."""
    with ledger.read() as connection:
        return dead_letters.newest(connection, which, limit=newest, before=before)


def count_letters(ledger: Ledger, which: Which = ALL) -> int:
    """Returns how many letters there are."""
    with ledger.read() as connection:
        return dead_letters.count(connection, which)


def retry_letters(
    ledger: Ledger,
    which: Which = ALL,
    *,
    now: float,
    oldest: int | None = None,
    unmirror: Unmirror | None = None,
) -> int:
    """Asks anew for what the letters asked for, the oldest first; returns how many.

    Args:
        ledger: where.
        which: the letters.
        now: seconds since 1970.
        oldest: so many at most.
        unmirror: told of each letter that also stands in Redis.
    """
    return _take_out(ledger, which, at_most=oldest, unmirror=unmirror, again=now)


def drop_letters(
    ledger: Ledger, which: Which = ALL, *, oldest: int | None = None, unmirror: Unmirror | None = None
) -> int:
    """Removes letters for good, the oldest first; returns how many."""
    return _take_out(ledger, which, at_most=oldest, unmirror=unmirror, again=None)


def _take_out(
    ledger: Ledger, which: Which, *, at_most: int | None, unmirror: Unmirror | None, again: float | None
) -> int:
    done = 0
    while at_most is None or done < at_most:
        room = AT_ONCE if at_most is None else min(AT_ONCE, at_most - done)
        with ledger.write() as connection:
            letters = dead_letters.oldest(connection, which, limit=room)
            if again is not None:
                requests.insert(connection, [_asked_again(each, now=again) for each in letters])
            dead_letters.remove(connection, [each.seq for each in letters])
        mirrored = [each.letter for each in letters if each.mirrored_at is not None]
        if unmirror is not None and mirrored:
            unmirror(mirrored)
        done += len(letters)
        if len(letters) < room:
            break
    return done


def _asked_again(letter: DeadLetter, *, now: float) -> dict[str, object]:
    command = revived(letter.letter)
    return received_row(
        f"retry-{uuid.uuid4().hex}", "cli", command, sha256=hashlib.sha256(command).hexdigest(), now=now
    )
