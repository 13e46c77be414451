"""What the UI shows of a materialised day. Numbers are plotted over the partitions.

No text and no name of a person is among it: Dagster's database keeps metadata for ever, and what is deleted
in Telegram, and then here, would survive there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from tg_fetcher_dagster.fetching.request import DayReport
from tg_fetcher_dagster.storage.changes import ChangeRecord
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.day_counts import count_messages
from tg_fetcher_dagster.storage.paths import DayPaths, Store

COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("what", "string", description="messages, senders, media, type, language, ..."),
        dg.TableColumn("sort", "string", description="photo, question, ru, ...; empty for all"),
        dg.TableColumn("count", "int"),
    ]
)


def day_metadata(report: DayReport, store: Store) -> Mapping[str, Any]:
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
        "counts": dg.MetadataValue.table(records=_rows(day_file), schema=COLUMNS),
    }


def _rows(day_file: Path) -> list[dg.TableRecord]:
    try:
        counts = count_messages(day_file)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        # A file that was damaged later: the checks say what is wrong with it, and they come after this.
        return []
    return [
        dg.TableRecord({"what": what, "sort": sort, "count": count}) for (what, sort), count in counts.items()
    ]
