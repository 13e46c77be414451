"""The ledger made again from the files of DATA_DIR: who the chats are, and what is proved of their days.

For after its loss, for a backup that is older than the files, and for day files of the predecessor. Nothing
is asked of Telegram, and nobody is told: the checksum of a file is what its readers have. Only a day whose
files do not belong together is made again, and told. Every part is one transaction; killed and begun again it
goes on with what is left.
"""

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.committing import recover_intents
from tg_fetcher_dagster.fetching.context import DayContext
from tg_fetcher_dagster.fetching.day_end import unasked
from tg_fetcher_dagster.fetching.rebuild import rebuild_day
from tg_fetcher_dagster.ledger import arrivals
from tg_fetcher_dagster.ledger.arrivals import KnownDay
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.paths import DayPaths, Store
from tg_fetcher_dagster.storage.raw_file import instant_of, read_raw
from tg_fetcher_dagster.takeover.day_proofs import (
    DoneDay,
    checksum_that_is_told,
    coverage_of_files,
    done_day,
)
from tg_fetcher_dagster.takeover.taking import Report, in_parts

DAYS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Torn:
    """A day whose raw file is there and whose other files do not belong to it."""

    day: dt.date
    why: str


def ledger_from_files(
    context: DayContext, *, chats: Collection[str] = (), on_chat: Callable[[str], None] = lambda _: None
) -> Report:
    """Brings the ledger to what the files say, where they know more than it.

    Args:
        context: the ledger and the files.
        chats: only these; empty for all.
        on_chat: told of each chat before it is looked at.

    Raises:
        FetchError: (storage) the ledger refused, or a folder cannot be read.
    """
    report = Report()
    store = context.store
    for key in store.chats():
        if chats and key not in chats:
            continue
        try:
            days = store.days(key)
        except FetchError as error:
            if error.error_type is not ErrorType.VALIDATION:
                raise
            continue  # a folder that is no chat's
        if not days:
            continue
        on_chat(key)
        recover_intents(context.ledger, store, key)
        _keep_chat(context, key, days, report)
        for part in in_parts(days, DAYS_AT_ONCE):
            _keep_days(context, key, part, report)
    return report


def _keep_chat(context: DayContext, key: str, days: Sequence[dt.date], report: Report) -> None:
    with context.ledger.read() as connection:
        if key in arrivals.chats_known(connection):
            return
    identity = _identity(context.store, key, days)
    if identity is None:
        report.leave(f"chat {key}", "no file says which chat it is: its first fetch asks for it")
        return
    row = {
        "key": key,
        "marked_id": identity.marked_id,
        "identity": identity.model_dump_json(),
        "paused": identity.paused,
        "forgotten_at": None,
    }
    with context.ledger.write() as connection:
        refused = arrivals.put_chats(connection, [row])
    if refused:
        report.leave(f"chat {key}", f"another chat has its id {identity.marked_id}")
    else:
        report.counts["chats"] += 1


def _identity(store: Store, key: str, days: Sequence[dt.date]) -> ChatIdentity | None:
    """Who the chat was when its newest day was read that says so."""
    for day in reversed(days):
        try:
            head = next(read_raw(store.day(key, day).raw))
            identity = ChatIdentity.model_validate_json(orjson.dumps(head["identity"]))
        except (FetchError, KeyError, ValidationError):
            continue
        return identity.model_copy(update={"key": key})
    return None


def _keep_days(context: DayContext, key: str, days: list[dt.date], report: Report) -> None:
    with context.ledger.read() as connection:
        known = arrivals.known_days(connection, key, days[0], days[-1])
    found: dict[dt.date, Coverage | DoneDay] = {}
    torn: list[_Torn] = []
    for day in days:
        paths = context.store.day(key, day)
        seen = _seen(paths, known.get(day), context, report)
        if isinstance(seen, _Torn):
            torn.append(seen)
        elif seen is not None:
            found[day] = seen
    rows = [_row(day, each) for day, each in found.items()]
    with context.ledger.write() as connection:
        present = arrivals.known_days(connection, key, days[0], days[-1])
        rows = [row for row in rows if present.get(row["date"]) == known.get(row["date"])]
        arrivals.replace_days(connection, key, rows)
        read = {row["date"]: row["fetched_at"] for row in rows if row["proved"]}
        report.counts["asks that the files answer"] += arrivals.end_quietly(connection, key, read)
    report.counts["days"] += sum(row["proved"] for row in rows)
    report.counts["days that are done and not proved"] += sum(not row["proved"] for row in rows)
    for each in torn:
        _make_again(context, key, each, report)


def _seen(
    paths: DayPaths, known: KnownDay | None, context: DayContext, report: Report
) -> Coverage | DoneDay | _Torn | None:
    """What the files of a day say beyond what is known; None where that is nothing."""
    try:
        if paths.raw.is_file():
            if _is_known(paths, known):
                return None
            return coverage_of_files(paths)
        if known is not None and known.is_covered:
            return None  # its raw file is gone: a look finds that
        done = done_day(paths, zone=context.settings.zone)
    except FetchError as error:
        report.leave(paths.raw, error.message)
    except (ValueError, KeyError, TypeError) as error:
        if paths.raw.is_file():
            return _Torn(paths.day, str(error))
        report.leave(paths.day_file, str(error))
    except OSError as error:
        report.leave(paths.day_file, error.strerror or type(error).__name__)
    else:
        if known is None or known.fetched_at is None or known.fetched_at < done.written_at:
            return done
    return None


def _is_known(paths: DayPaths, known: KnownDay | None) -> bool:
    """Whether the ledger knows of this reading, or a later one, and of this very day file."""
    if known is None or not known.is_covered or known.fetched_at is None:
        return False
    instant = instant_of(paths.raw)
    if instant is None or instant.timestamp() > known.fetched_at:
        return False
    return instant.timestamp() < known.fetched_at or checksum_that_is_told(paths) == known.checksum_sha256


def _row(day: dt.date, found: Coverage | DoneDay) -> dict[str, Any]:
    reopened = {"due_at": None, "failed_rounds": 0, "given_up_at": None, "error_type": None, "error": None}
    if isinstance(found, DoneDay):
        return {
            "date": day,
            "coverage": None,
            "settled": found.is_over,
            "proved": False,
            "checksum_sha256": found.checksum_sha256,
            "message_count": found.message_count,
            "fetched_at": found.written_at,
            "requests": None,
            **reopened,
        }
    return {
        "date": day,
        "coverage": found.model_dump_json(),
        "settled": found.settled,
        "proved": True,
        "checksum_sha256": found.checksum_sha256,
        "message_count": found.message_count,
        "fetched_at": found.fetched_at.timestamp(),
        "requests": found.requests,
        **reopened,
    }


def _make_again(context: DayContext, key: str, torn: _Torn, report: Report) -> None:
    try:
        rebuild_day(key, torn.day, context, told_as=lambda _then: unasked("rebuild"))
    except FetchError as error:
        report.leave(context.store.day(key, torn.day).raw, f"{torn.why}; {error.message}")
    else:
        report.counts["days that were made again from their raw files"] += 1
