"""What is asked for and not wanted any more: its days end as cancelled, and consumers are told so.

Runs are not ended here: the reconciler's next tick cancels those that nobody waits for any more.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import batches, open_asks, requests
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.open_asks import OpenAsk
from tg_fetcher_dagster.ledger.requests import Request
from tg_fetcher_dagster.requests.day_ends import end_days
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.decisions import record_refusals
from tg_fetcher_dagster.requests.request_end import finish
from tg_fetcher_dagster.requests.retrying import Fate
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.understanding import Refusal, hopeless, understand

AT_ONCE: Final = 1_000
"""Days, or requests, of one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What was cancelled.

    Attributes:
        days: that had not ended.
        requests: whose days were not even known.
        run_ids: runs under way that read nothing that anybody waits for.
    """

    days: int
    requests: int
    run_ids: tuple[str, ...]


def cancel(
    ledger: Ledger,
    *,
    rules: Rules,
    now: float,
    today: dt.date,
    command_ids: Collection[str] = (),
    chat: str | None = None,
) -> Cancelled:
    """Cancels what is open, some at a time.

    Args:
        ledger: where it stands.
        rules: of the deployment.
        now: seconds since 1970.
        today: the unfinished day.
        command_ids: only what these commands ask for, by a command's id or the ledger's own.
        chat: only days of this chat. Neither: everything.

    Raises:
        FetchError: (storage) the ledger refuses; what is done until then stays done.
    """
    days = unplanned = 0
    for command_id in command_ids or (None,):
        unplanned += _cancel_unplanned(ledger, command_id, chat, rules=rules, now=now, today=today)
        days += _cancel_days(ledger, command_id, chat, events=EventMaker(rules.service), now=now)
    with ledger.read() as connection:
        left = batches.open_days(connection)
        run_ids = tuple(
            each.run_id
            for each in batches.in_flight(connection)
            if each.run_id and _reads_nothing_wanted(left.get(each.batch_id))
        )
    return Cancelled(days=days, requests=unplanned, run_ids=run_ids)


def _reads_nothing_wanted(left: tuple[int, int] | None) -> bool:
    """True where days were cancelled and none is open: a run that is done with all of them ends by itself."""
    return left is not None and left[0] == 0 and left[1] > 0


def _cancel_days(
    ledger: Ledger, command_id: str | None, chat: str | None, *, events: EventMaker, now: float
) -> int:
    done = 0
    while True:
        with ledger.write() as connection:
            requests.lock_planning(connection)  # as whoever starts runs does: each waits for the other
            some = open_asks.open_of(connection, command_id=command_id, chat=chat, limit=AT_ONCE)
            _end(connection, some, events=events, now=now)
        done += len(some)
        if len(some) < AT_ONCE:
            return done


def _end(connection: Connection, some: Sequence[OpenAsk], *, events: EventMaker, now: float) -> None:
    fate = Fate("cancelled", error=_reason())
    end_days(connection, [(ask, fate) for ask in some], events=events, by_batch=False, now=now)
    finish(connection, now=now)


def _cancel_unplanned(
    ledger: Ledger, command_id: str | None, chat: str | None, *, rules: Rules, now: float, today: dt.date
) -> int:
    """Cancels commands whose days are not known yet; each day that they name is told."""
    done = 0
    for state in ("new", "waiting", "unresolved"):
        after = 0
        while True:
            with ledger.write() as connection:
                requests.lock_planning(connection)
                page = requests.of_state(connection, state, after=after, limit=AT_ONCE)
                meant = [(each, _refusal(each, rules=rules, today=today)) for each in page]
                mine = [(each, why) for each, why in meant if _is_meant(each, why, command_id, chat)]
                record_refusals(connection, [why for _, why in mine], events=EventMaker(rules.service))
                ids = [each.request_id for each, _ in mine]
                requests.set_state(
                    connection, ids, "cancelled", ended_at=now, wait_until=None,
                    error_type=ErrorType.CANCELLED.value, error=_reason().message,
                )  # fmt: skip
            done += len(mine)
            if len(page) < AT_ONCE:
                break
            after = page[-1].seq
    return done


def _refusal(request: Request, *, rules: Rules, today: dt.date) -> Refusal:
    understood = understand(request)
    if isinstance(understood, Refusal):
        return understood
    return hopeless(understood, _reason(), rules=rules, today=today)


def _is_meant(request: Request, why: Refusal, command_id: str | None, chat: str | None) -> bool:
    if command_id is not None:
        return command_id in {request.request_id, request.command_id, why.ids.command_id}
    return chat is None or why.chat == chat


def _reason() -> FetchError:
    return FetchError(ErrorType.CANCELLED, "cancelled by an operator")
