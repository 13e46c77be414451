"""Commands in flight become requests of the ledger, under the ids that they had.

A command that was not planned yet is read anew, under its claim's id: what was told on its behalf counts as
told. Of one that was planned, the days of its batches that have their event have ended; the others are asked
for, and told once, by a new batch.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tg_fetcher_dagster.days import ONE_DAY
from tg_fetcher_dagster.ledger import arrivals
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.takeover.old_layout import OldAskedDays, OldBatch
from tg_fetcher_dagster.takeover.redis_journal import Claimed, RedisJournal
from tg_fetcher_dagster.takeover.taking import Taking, in_parts

COMMANDS_AT_ONCE: Final = 50
"""Of one transaction: a command of a year is 365 rows, one in flight may be megabytes long."""

SMALL: Final = 3
"""Days up to which an ask goes before the others (docs/ledger.md); URGENT and RANGE are its priorities."""
URGENT: Final = 0
RANGE: Final = 50

ENDS: Final = {"messages_fetched": "fetched", "fetch_skipped": "skipped", "fetch_failed": "failed"}
"""By the event that told of it, how a day ended."""

LARGEST_COMMAND: Final = 65_536
LONGEST_NAME: Final = 200

_Told = Mapping[tuple[str, str, dt.date], tuple[str, str, float]]


@dataclass(frozen=True, slots=True)
class _Journal:
    batches: Mapping[str, OldBatch]
    unreadable: frozenset[str]
    waits: Mapping[str, float]


def take_commands(taking: Taking, journal: RedisJournal) -> None:
    """Takes over the commands that were in flight, and a copy of the dead letters.

    Raises:
        FetchError: (network) Redis is away: nothing of it is lost, and the next try goes on.
    """
    if taking.ledger is not None:
        journal.put_aside()
    held = _Journal(*journal.batches(), journal.waits())
    for part in in_parts(journal.claimed(), COMMANDS_AT_ONCE):
        if taking.ledger is not None:
            with taking.ledger.write() as connection:
                _take(connection, part, held)
        taking.report.counts["commands in flight"] += len(part)
    for letters in in_parts(journal.letters(), COMMANDS_AT_ONCE):
        if taking.ledger is not None:
            with taking.ledger.write() as connection:
                arrivals.put_letters(connection, [_letter(*letter) for letter in letters])
        taking.report.counts["dead letters"] += len(letters)


def _take(connection: Connection, part: list[Claimed], held: _Journal) -> None:
    told = arrivals.told_days(
        connection, sorted({batch_id for each in part for batch_id in each.claim.batches or ()})
    )
    asks = {each.claim.claim_id: _asks(each, held, told) for each in part}
    rows = [_request(each, held, asks[each.claim.claim_id]) for each in part]
    fresh = arrivals.put_requests(connection, rows)
    arrivals.put_asks(connection, [row for claim_id in asks if claim_id in fresh for row in asks[claim_id]])


def _request(each: Claimed, held: _Journal, asks: list[dict[str, Any]]) -> dict[str, Any]:
    """The request that a command becomes; with `asks` or with batches that are done it is planned."""
    claim = each.claim
    asked = _asked(each, held)
    first = asked[0][1] if asked else None
    failed = sum(row["state"] == "failed" for row in asks)
    why = claim.failure
    is_planned = bool(asked) or (claim.batches is not None and not _has_unreadable(each, held))
    long = len(each.raw) > LARGEST_COMMAND
    refused = (f"command is {len(each.raw)} bytes long; allowed are {LARGEST_COMMAND}") if long else None
    return {
        "request_id": claim.claim_id,
        "source": "redis",
        "state": "planned" if is_planned else "new",
        "raw": _cut(each.raw) if long else each.raw,
        "raw_sha256": hashlib.sha256(each.raw).hexdigest(),
        "command_id": first.command_id[:LONGEST_NAME] if first else None,
        "correlation_id": (first.correlation_id if first else claim.claim_id)[:LONGEST_NAME],
        "spelling": asked[0][0].chat_key if asked else None,
        "chat": asked[0][0].chat_key if asked else None,
        "force": asked[0][0].force if asked else False,
        "message_limit": asked[0][0].limit if asked else None,
        "strategy": asked[0][0].strategy if asked else "batch",
        "priority": _priority(asks),
        "requested_by": first.requested_by[:LONGEST_NAME] if first else "unknown",
        "requested_at": first.requested_at.timestamp() if first and first.requested_at else None,
        "received_at": claim.claimed_at,
        "tries": claim.resolve_attempt,
        "open_days": sum(row["state"] == "open" for row in asks),
        "failed_days": max(failed, 1 if why else 0),
        "error_type": why.error_type if why else "validation" if refused and not is_planned else None,
        "error": why.error if why else refused if not is_planned else None,
    }


def _asks(each: Claimed, held: _Journal, told: _Told) -> list[dict[str, Any]]:
    rows: dict[dt.date, dict[str, Any]] = {}
    for batch, days in _asked(each, held):
        for number in range((days.last - days.first).days + 1):
            day = days.first + ONE_DAY * number
            event = told.get((batch.batch_id, batch.chat_key, day))
            rows[day] = {
                "request_id": each.claim.claim_id,
                "chat": batch.chat_key,
                "date": day,
                "force": batch.force,
                "message_limit": batch.limit,
                "strategy": batch.strategy,
                "state": ENDS[event[0]] if event else "open",
                "tries": max(0, batch.attempt - 1),
                "waits": batch.delays,
                "wait_until": held.waits.get(batch.batch_id, 0.0),
                "event_id": event[1] if event else None,
                "ended_at": event[2] if event else None,
            }
    asks = [rows[day] for day in sorted(rows)]
    return [{**row, "priority": _priority(asks)} for row in asks]


def _asked(each: Claimed, held: _Journal) -> list[tuple[OldBatch, OldAskedDays]]:
    if _has_unreadable(each, held):
        return []
    batches = (held.batches[batch_id] for batch_id in each.claim.batches or () if batch_id in held.batches)
    return [
        (batch, days) for batch in batches for days in batch.asked if days.claim_id == each.claim.claim_id
    ]


def _has_unreadable(each: Claimed, held: _Journal) -> bool:
    return not held.unreadable.isdisjoint(each.claim.batches or ())


def _priority(asks: list[dict[str, Any]]) -> int:
    return URGENT if len(asks) <= SMALL else RANGE


def _cut(raw: bytes) -> bytes:
    return orjson.dumps({"raw": raw[:2_048].decode("utf-8", "backslashreplace"), "raw_bytes": len(raw)})


def _letter(letter_id: str, raw: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(raw)
    except orjson.JSONDecodeError:
        told = None
    told = told if isinstance(told, dict) else {}
    count = told.get("retry_count")
    return {
        "request_id": letter_id,
        "command_id": _text(told.get("command_id")),
        "chat": _text(told.get("chat")),
        "error_type": (_text(told.get("error_type")) or "internal")[:32],
        "error": _text(told.get("error")) or "it does not say why",
        "retry_count": count if isinstance(count, int) and 0 <= count < 2**31 else 0,
        "failed_at": _moment(told.get("failed_at")),
        "letter": raw,
        "mirrored_at": _moment(told.get("failed_at")),
    }


def _text(value: object) -> str | None:
    if not isinstance(value, str | int):
        return None
    return str(value).replace("\0", "\ufffd")[:LONGEST_NAME]


def _moment(value: object) -> float:
    try:
        return dt.datetime.fromisoformat(str(value)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
