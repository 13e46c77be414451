"""Reads what `status` shows: the ledger, Redis and the accounts, each for some seconds at most."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from tg_fetcher_dagster.accounts.waiting import believed_rests
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.kept import note_lines
from tg_fetcher_dagster.cli.account_states import account_states
from tg_fetcher_dagster.cli.answering import Hanging, answers_within
from tg_fetcher_dagster.cli.chat_sources import chat_overviews
from tg_fetcher_dagster.cli.moments import told_reason
from tg_fetcher_dagster.cli.needs import needs_of
from tg_fetcher_dagster.cli.overview import (
    ACCOUNT,
    AccountOverview,
    Disk,
    InFlight,
    LedgerPart,
    Overview,
    Waiting,
)
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import batches
from tg_fetcher_dagster.ledger import overview as ledger_overview
from tg_fetcher_dagster.ledger.conditions import OF_ACCOUNT, standing_conditions
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.outbox import pending_count, set_aside_count
from tg_fetcher_dagster.requests.spool import left_in
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.clock import clock_difference, told

PATIENCE = 3.5
"""Seconds for everything together; a source that has not answered by then is told as silent. With the start
of Python the command takes no more than 5. A Redis that says nothing has ended before (QUICK_TIMEOUT)."""

LEDGER_PATIENCE = 10.0
"""The same for the ledger, without which there is nothing to tell: it may be busy, or on a slow disk."""

GAPS_ON_A_SCREEN = 100
"""Of so many chats is said which days are missing: no screen has more rows."""


def overview(
    settings: Settings,
    *,
    patience: float = PATIENCE,
    gaps_of: int | None = None,
    damaged: list[str] | None = None,
    hanging: Hanging | None = None,
) -> Overview:
    """Returns what there is; Redis being away is part of the answer and no failure.

    Args:
        settings: where everything is.
        patience: seconds for all sources together.
        gaps_of: of how many chats, those that miss most, to say which days are missing; None for all.
        damaged: what a look at the files has found.
        hanging: which sources have not answered an earlier call.

    Raises:
        FetchError: (storage) the ledger cannot be read, or does not answer.
    """
    at = datetime.now(UTC)
    answers = answers_within(
        patience,
        {
            "ledger": lambda: _ledger_part(settings, gaps_of),
            "redis": lambda: _queue_lengths(settings),
            "spool": lambda: left_in(settings.data_dir),
            "accounts": lambda: account_states(settings),
            "modes": lambda: Store.of(settings).modes_line(),
            "disk": lambda: _disk(settings.data_dir),
        },
        longer={"ledger": max(patience, LEDGER_PATIENCE)},
        hanging=hanging,
    )
    failures = {name: each.message for name, each in answers.items() if isinstance(each, FetchError)}
    if "ledger" in failures:
        raise answers["ledger"]
    heard = {name: each for name, each in answers.items() if name not in failures}
    ledger: LedgerPart = heard["ledger"]
    off = clock_difference(settings)
    seen = Overview(
        **{name: getattr(ledger, name) for name in LedgerPart.model_fields},
        at=at,
        queue=heard.get("redis"),
        redis="none" if settings.redis_url is None else "away" if "redis" in failures else "answers",
        redis_error=failures.get("redis"),
        spool=heard.get("spool"),
        last_fetch=max((chat.last_fetch for chat in ledger.chats if chat.last_fetch), default=None),
        accounts=[
            AccountOverview(name=each.name, state=each.state, usable=each.usable)
            for each in heard.get("accounts", ())
        ],
        accounts_error=failures.get("accounts"),
        damaged=damaged,
        clock=told(off) if off else None,
        modes=failures.get("modes", heard.get("modes")),
        disk=heard.get("disk"),
    )
    return seen.model_copy(update={"needs": needs_of(seen)})


def _queue_lengths(settings: Settings) -> dict[str, int]:
    if settings.redis_url is None:
        raise FetchError(
            ErrorType.NETWORK, "no Redis (REDIS_URL is empty): commands come by the spool folder"
        )
    from tg_fetcher_dagster.cli.queue_lengths import queue_lengths  # redis-py is a tenth of the start

    return queue_lengths(settings)


def _disk(folder: Path) -> Disk | None:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    space = shutil.disk_usage(folder)
    return Disk(folder=str(folder), free_bytes=space.free, size_bytes=space.total)


def _ledger_part(settings: Settings, gaps_of: int | None) -> LedgerPart:
    """Everything that the ledger says, seen at one moment."""
    ledger = Ledger.open(settings.ledger_location)
    try:
        identities = IdentityTable(ledger)
        with ledger.read() as connection:
            return LedgerPart(
                chats=chat_overviews(connection, identities, settings, gaps_of),
                names=note_lines(identities.known(), connection),
                waiting=_waiting(connection),
                requests=ledger_overview.open_requests(connection),
                in_flight=_in_flight(connection),
                events_pending=pending_count(connection),
                events_damaged=set_aside_count(connection),
                dead_letters=ledger_overview.dead_letter_count(connection),
                size_bytes=ledger_overview.size_bytes(connection),
            )
    finally:
        ledger.close()


def _waiting(connection: Connection) -> list[Waiting]:
    now = datetime.now(UTC).timestamp()
    troubles = [
        Waiting(what=each.name, why=each.why, until=_moment(each.until) if each.until else None)
        for each in standing_conditions(connection)
        if not each.name.startswith(OF_ACCOUNT)  # told of each account, below
    ]
    paused = [
        Waiting(
            what=f"{ACCOUNT}{name}",
            why="Telegram asked for a pause" + ("" if method == "*" else f" of {method}"),
            until=_moment(until),
        )
        for name, floods in sorted(ledger_overview.floods(connection).items())
        for method, until in believed_rests(floods, now=now).items()
    ]
    days = [
        Waiting(
            what=f"{each.chat}: {each.days} {'day' if each.days == 1 else 'days'}",
            why=told_reason(each.error_type, each.error),
            until=_moment(each.until),
            chat=each.chat,
            days=each.days,
        )
        for each in ledger_overview.waits(connection, now)
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
