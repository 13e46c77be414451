"""Reads what `status` shows: the ledger, Redis and the accounts, each for some seconds at most."""

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import copy_context
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tg_fetcher_dagster.accounts.waiting import believed_rests
from tg_fetcher_dagster.chats.access import refusals
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.kept import note_lines
from tg_fetcher_dagster.cli.account_states import account_states
from tg_fetcher_dagster.cli.moments import told_reason
from tg_fetcher_dagster.cli.overview import (
    AccountOverview,
    ChatOverview,
    InFlight,
    LedgerPart,
    Overview,
    Waiting,
    chat_overview,
    may_lack_days,
)
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import batches
from tg_fetcher_dagster.ledger import overview as known
from tg_fetcher_dagster.ledger.conditions import standing_conditions
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.days import NO_DAYS, counts, first_days
from tg_fetcher_dagster.ledger.outbox import pending_count, set_aside_count
from tg_fetcher_dagster.redis_connection import QUICK_TIMEOUT, connect, redis_failures
from tg_fetcher_dagster.requests.keys import CommandKeys
from tg_fetcher_dagster.requests.spool import left_in
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.clock import clock_difference, planning_now, told

PATIENCE = 2 * QUICK_TIMEOUT + 0.5
"""Seconds for everything together; a source that has not answered by then is told as silent."""


def overview(settings: Settings, *, patience: float = PATIENCE) -> Overview:
    """Returns what there is; Redis being away is part of the answer and no failure.

    Raises:
        FetchError: (storage) the ledger cannot be read, or does not answer.
    """
    answers = answers_within(
        patience,
        {
            "ledger": lambda: _ledger_part(settings),
            "redis": lambda: _queue_lengths(settings),
            "spool": lambda: left_in(settings.data_dir),
            "accounts": lambda: account_states(settings),
            "modes": lambda: Store.of(settings).modes_line(),
        },
    )
    ledger, queue, accounts, modes = (answers[name] for name in ("ledger", "redis", "accounts", "modes"))
    spool = answers["spool"]
    if isinstance(ledger, FetchError):
        raise ledger
    off = clock_difference(settings)
    listed = [] if isinstance(accounts, FetchError) else accounts
    return Overview(
        **{name: getattr(ledger, name) for name in LedgerPart.model_fields},
        queue=None if isinstance(queue, FetchError) else queue,
        redis_error=queue.message if isinstance(queue, FetchError) else None,
        spool=None if isinstance(spool, FetchError) else spool,
        last_fetch=max((chat.last_fetch for chat in ledger.chats if chat.last_fetch), default=None),
        accounts=[AccountOverview(name=each.name, state=each.state) for each in listed],
        accounts_error=accounts.message if isinstance(accounts, FetchError) else None,
        clock=told(off) if off else None,
        modes=modes.message if isinstance(modes, FetchError) else modes,
    )


def answers_within(seconds: float, questions: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Asks all at once and returns what each answered in time, a `FetchError` where it failed.

    A source that hangs (a database or a disk of another host) holds up neither the others nor the end of
    this process.
    """
    answers: dict[str, Any] = {}

    def ask(name: str, question: Callable[[], Any]) -> None:
        try:
            answers[name] = question()
        except FetchError as error:
            answers[name] = error
        except Exception as error:  # noqa: BLE001 - raised again below, in the thread that waits
            answers[name] = error

    asked = [
        threading.Thread(target=copy_context().run, args=(ask, *each), name=each[0], daemon=True)
        for each in questions.items()
    ]
    ends = time.monotonic() + seconds
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join(max(0.0, ends - time.monotonic()))
    heard = dict(answers)
    for answer in heard.values():
        if isinstance(answer, Exception) and not isinstance(answer, FetchError):
            raise answer
    silent = {
        name: FetchError(ErrorType.NETWORK, f"{name}: no answer within {seconds:g} s")
        for name in questions.keys() - heard.keys()
    }
    return {**heard, **silent}


def _queue_lengths(settings: Settings) -> dict[str, int]:
    if settings.redis_url is None:
        raise FetchError(
            ErrorType.NETWORK, "no Redis (REDIS_URL is empty): commands come by the spool folder"
        )
    keys = CommandKeys(settings.commands_queue)
    with connect(settings, patience=QUICK_TIMEOUT, retries=0) as client, redis_failures(client):
        pipe = client.pipeline(transaction=False)
        pipe.llen(keys.queue)
        pipe.llen(keys.processing)
        pipe.zcard(keys.delayed)
        pipe.llen(keys.failed)
        return dict(zip(("queued", "processing", "delayed", "failed"), pipe.execute(), strict=True))


def _ledger_part(settings: Settings) -> LedgerPart:
    """Everything that the ledger says, seen at one moment."""
    ledger = Ledger.open(settings.ledger_location)
    try:
        identities = IdentityTable(ledger)
        with ledger.read() as connection:
            return LedgerPart(
                chats=_chats(connection, identities, settings),
                names=note_lines(identities.known(), connection),
                waiting=_waiting(connection),
                requests=known.open_requests(connection),
                in_flight=_in_flight(connection),
                events_pending=pending_count(connection),
                events_damaged=set_aside_count(connection),
                dead_letters=known.dead_letter_count(connection),
                size_bytes=known.size_bytes(connection),
            )
    finally:
        ledger.close()


def _chats(connection: Connection, identities: IdentityTable, settings: Settings) -> list[ChatOverview]:
    yesterday = planning_now(settings).astimezone(settings.zone).date() - timedelta(days=1)
    span = (settings.history_start, yesterday)
    chats = {chat.key: chat for chat in identities.all()}
    counted = counts(connection)
    asked = known.open_days_of_chats(connection)
    first = first_days(connection)
    for key, (_, day) in asked.items():
        first[key] = min(day, first.get(key, day))
    given_up = known.given_up_days_of_chats(connection)
    refused = refusals(connection)
    doubted: dict[str, list[date]] = {}
    for key, day in known.doubted_days(connection):
        doubted.setdefault(key, []).append(day)
    keys = sorted({*chats, *first})
    lacking = {key for key in keys if may_lack_days(counted.get(key, NO_DAYS), first.get(key), span)}
    done = known.settled_days_of(connection, lacking)
    return [
        chat_overview(
            key,
            chats.get(key),
            counts=counted.get(key, NO_DAYS),
            first=first.get(key),
            done=done.get(key, []) if key in lacking else None,
            span=span,
            asked=asked[key][0] if key in asked else 0,
            given_up=given_up.get(key, 0),
            doubted=doubted.get(key),
            refused=refused.get(key),
        )
        for key in keys
    ]


def _waiting(connection: Connection) -> list[Waiting]:
    now = datetime.now(UTC).timestamp()
    troubles = [
        Waiting(what=each.name, why=each.why, until=_moment(each.until) if each.until else None)
        for each in standing_conditions(connection)
        if not each.name.startswith("account ")  # told of each account, below
    ]
    paused = [
        Waiting(
            what=f"account {name}",
            why="Telegram asked for a pause" + ("" if method == "*" else f" of {method}"),
            until=_moment(until),
        )
        for name, floods in sorted(known.floods(connection).items())
        for method, until in believed_rests(floods, now=now).items()
    ]
    days = [
        Waiting(
            what=f"{each.chat}: {each.days} {'day' if each.days == 1 else 'days'}",
            why=told_reason(each.error_type, each.error),
            until=_moment(each.until),
        )
        for each in known.waits(connection, now)
    ]
    return [*troubles, *paused, *days]


def _in_flight(connection: Connection) -> list[InFlight]:
    return [
        InFlight(
            batch_id=each.batch_id,
            chats=list(each.chats),
            first=each.first,
            last=each.last,
            state=each.state,
            asked_at=_moment(each.asked_at),
            run_id=each.run_id,
        )
        for each in batches.in_flight(connection)
    ]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
