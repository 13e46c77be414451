"""Writes days as the fetcher does, for the tests of what rests on disk."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import orjson

from tg_fetcher_dagster.durable_files import exclusive
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.storage.comparing import Found
from tg_fetcher_dagster.storage.coverage import Coverage, read_coverage, write_coverage
from tg_fetcher_dagster.storage.day_draft import Assembled
from tg_fetcher_dagster.storage.day_writer import DayWriter, SideFiles
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.placing import put_in_place
from tg_fetcher_dagster.storage.versions import keep_version

DAY = date(2025, 11, 7)


def message(message_id: int, text: str = "привет", **more: Any) -> dict[str, Any]:
    return {"id": message_id, "date": f"{DAY}T10:00:00Z", "text": text, "reactions": [], **more}


SIDES = SideFiles(summary=b"{}", threads=b'{"roots":[]}', participants=b'{"participants":[]}')


def put(
    ledger: Ledger,
    paths: DayPaths,
    writer: DayWriter,
    sides: SideFiles = SIDES,
    *,
    keep_replaced: bool = True,
) -> Found:
    """What stands between the last message and the event."""
    writer.seal(sides)
    with exclusive(paths.lock):
        found = writer.compare(read_coverage(ledger, paths))
        if found.present is not None and found.replaces and keep_replaced:
            keep_version(paths, found.present)
        moves = writer.moves(found)
        writer.release(moves)
        put_in_place(paths.folder, moves)
    return found


def publish_day(
    ledger: Ledger, paths: DayPaths, messages: Sequence[dict[str, Any]], *, keep_replaced: bool = True
) -> tuple[Found, Assembled]:
    """All that stands before the event: raw, side files, day file."""
    with DayWriter(paths) as writer:
        writer.write_raw(orjson.dumps({"kind": "day", "format": 1, "date": str(paths.day)}))
        for value in messages:
            writer.write_raw(orjson.dumps({"kind": "message", "value": value}))
            writer.write_message(orjson.dumps(value))
        writer.write_raw(orjson.dumps({"kind": "end", "messages": len(messages)}))
        assembled = writer.assemble(
            version="1.0", timezone="UTC", source_info={"id": "@ru_python"}, senders={"1": "Анна"}
        )
        summary = orjson.dumps({"file_checksum_sha256": assembled.checksum_sha256})
        sides = SideFiles(summary=summary, threads=SIDES.threads, participants=SIDES.participants)
        found = put(ledger, paths, writer, sides, keep_replaced=keep_replaced)
    return found, assembled


def coverage_of(paths: DayPaths, assembled: Assembled, **values: Any) -> Coverage:
    facts: dict[str, Any] = {
        "chat": paths.chat,
        "date": paths.day,
        "timezone": "UTC",
        "final": True,
        "message_count": 2,
        "checksum_sha256": assembled.checksum_sha256,
        "size_bytes": assembled.size_bytes,
        "scanned_newest_id": 20,
        "scanned_oldest_id": 1,
        "fetched_at": datetime(2025, 11, 8, 0, 15, tzinfo=UTC),
        "requests": 1,
        "duration_seconds": 0.5,
        "first_message_ts": None,
        "last_message_ts": None,
        "estimated_tokens_total": 4,
        "schema_version": "1.0",
        "preprocessing_version": "1",
        "outcome": "new",
        "event_request": "fetch-1",
    }
    return Coverage(**{**facts, **values})


def fetch_day(ledger: Ledger, paths: DayPaths, messages: Sequence[dict[str, Any]], **coverage: Any) -> Found:
    """A day with everything that makes it durable."""
    published, assembled = publish_day(ledger, paths, messages)
    with ledger.write() as connection:
        write_coverage(connection, coverage_of(paths, assembled, message_count=len(messages), **coverage))
    return published


def temporary_files(paths: DayPaths) -> list[str]:
    return [path.name for path in paths.folder.rglob("*.tmp")]
