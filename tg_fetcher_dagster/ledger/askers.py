"""Who asked for what a run reads, for the run's tags; in the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from tg_fetcher_dagster.ledger.tables import asks, requests

UNKNOWN: Final = "unknown"
"""What a command has as `requested_by` that does not say who pushed it."""

MOST: Final = 100
"""Askers of one query: a thousand who ask for the same day are not all looked at."""


def askers_of_batches(connection: sa.Connection, batch_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
    """Returns who asked for the days of batches, the first asker first; the source where nobody is named."""
    found = connection.execute(
        sa.select(asks.c.batch_id, requests.c.requested_by, requests.c.source, sa.func.min(requests.c.seq))
        .join(requests, requests.c.request_id == asks.c.request_id)
        .where(asks.c.batch_id.in_(batch_ids))
        .group_by(asks.c.batch_id, requests.c.requested_by, requests.c.source)
        .order_by(sa.func.min(requests.c.seq))
        .limit(MOST)
    )
    askers: dict[str, dict[str, None]] = {}
    for batch_id, requested_by, source, _ in found:
        who = source if requested_by.strip() in {"", UNKNOWN} else requested_by
        askers.setdefault(batch_id, {})[who] = None
    return {batch_id: tuple(names) for batch_id, names in askers.items()}
