"""How days are asked for without a command: by the schedule, healing, a UI run, `fetch --direct`."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tg_fetcher_dagster.ledger.database import Connection

RequestSource = Literal["redis", "spool", "cli", "schedule", "heal", "ui", "direct"]

URGENT = 0
RANGE = 50
DAILY = 90


def new_id() -> str:
    """Returns a fresh id for a request."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """Days that somebody asks for.

    Attributes:
        source: who asks.
        days: by chat key; the unfinished day may be among them.
        force: fetch complete days again.
        limit: at most so many messages a day.
        priority: None: by the number of days (docs/ledger.md).
        run_id: of a run that asks for its own days.
        raw: the command as somebody could push it again; only with it a failure leaves a dead letter.
    """

    source: RequestSource
    days: Mapping[str, Sequence[dt.date]]
    force: bool = False
    limit: int | None = None
    strategy: Literal["batch", "per_day"] = "batch"
    priority: int | None = None
    requested_by: str = "unknown"
    run_id: str | None = None
    command_id: str | None = None
    raw: bytes | None = None
    request_id: str = field(default_factory=new_id)


def ask(connection: Connection, request: NewRequest, *, now: float, batch_id: str | None = None) -> str:
    """Writes a request with its days down, in the caller's transaction; returns its id.

    Args:
        connection: of a transaction that writes.
        request: what is asked.
        now: seconds since 1970.
        batch_id: of a run that has begun already and reads these very days; None: the reconciler starts one.
            Days that are complete are not looked at here: the run tells that they are.
    """
    raise NotImplementedError
