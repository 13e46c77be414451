"""What the UI shows of a materialised day. Numbers are plotted over the partitions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from tg_fetcher_dagster.fetching.request import DayResult
from tg_fetcher_dagster.storage.changes import ChangeRecord
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.day_file import first_messages
from tg_fetcher_dagster.storage.paths import DayPaths, Store

GLANCE = 5
"""Messages that the table shows."""

LONGEST_TEXT = 120

COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("id", "int", description="message id"),
        dg.TableColumn("date", "string", description="UTC"),
        dg.TableColumn("sender", "string"),
        dg.TableColumn("text", "string", description="its beginning; [photo], [poll], … where there is none"),
    ]
)


def day_metadata(report: DayResult, store: Store) -> Mapping[str, Any]:
    """Returns the metadata of one day's materialisation; `outcome` tells a fetch from a skip."""
    if report.coverage is None:
        return {"outcome": report.outcome}
    paths = store.day(report.chat, report.day)
    return {
        "outcome": report.outcome,
        "requests": report.requests,
        **_of_coverage(report.coverage),
        **_of_files(paths),
    }


def _of_coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "dagster/partition_row_count": coverage.message_count,
        "comments": coverage.comment_count,
        "checksum_sha256": coverage.checksum_sha256,
        "bytes": coverage.size_bytes,
        "duration_seconds": coverage.duration_seconds,
        "final": coverage.final,
        "first_message_ts": coverage.first_message_ts or "",
        "last_message_ts": coverage.last_message_ts or "",
        "estimated_tokens": coverage.estimated_tokens_total,
        "fetched_at": dg.MetadataValue.timestamp(coverage.fetched_at),
        "lost": [f"{loss.what}: {loss.why}" for loss in coverage.lost],
        **_of_changes(coverage.changes),
    }


def _of_changes(changes: ChangeRecord | None) -> dict[str, Any]:
    """What was found different from what was told before; nothing where nothing was told."""
    if changes is None:
        return {}
    return {
        "added": changes.added.count,
        "edited": changes.edited.count,
        "deleted": changes.deleted.count,
        "recounted": changes.recounted.count,
    }


def _of_files(paths: DayPaths) -> dict[str, Any]:
    day_file = paths.day_file.resolve()
    return {
        "path": dg.MetadataValue.path(day_file),
        "dagster/uri": dg.MetadataValue.url(day_file.as_uri()),
        "messages": dg.MetadataValue.table(records=_rows(day_file), schema=COLUMNS),
    }


def _rows(day_file: Path) -> list[dg.TableRecord]:
    try:
        senders, messages = first_messages(day_file, GLANCE)
    except (OSError, ValueError, TypeError, KeyError):
        # A file that was damaged later: the checks say what is wrong with it, and they come after this.
        return []
    return [
        dg.TableRecord(
            {
                "id": message["id"],
                "date": message["date"],
                "sender": senders.get(str(message["sender_id"]), str(message["sender_id"] or "")),
                "text": _text(message)[:LONGEST_TEXT],
            }
        )
        for message in messages
    ]


def _text(message: Mapping[str, Any]) -> str:
    """Returns what is said, or in brackets what stands there instead: `[photo]`, `[pin_message]`."""
    if message["text"]:
        return str(message["text"])
    instead = message.get("media") or message.get("action") or {}
    return f"[{instead['type']}]" if "type" in instead else ""
