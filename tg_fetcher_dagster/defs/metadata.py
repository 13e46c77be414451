"""What the UI shows of a materialised day. Numbers are plotted over the partitions.

A day has the same numbers whether this run read it or found it complete: those of its reading. What this run
did stands beside them (`outcome`, `run_requests`), and who read the day (`read_by`), so that looking at a
complete day once more takes nothing away.

No text and no name of a person is among it: Dagster's database keeps metadata for ever, and what is deleted
in Telegram, and then here, would survive there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import dagster as dg

from tg_fetcher_dagster.days import ONE_DAY, day_start
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


NUMBERS: Final = ("messages", "comments", "requests", "duration_seconds", "lag_hours", "losses")
"""What every day has a number of, 0 included; see docs/ui.md."""

HOUR: Final = 3600


def day_metadata(report: DayReport, store: Store, *, read_by: str | None) -> Mapping[str, Any]:
    """Returns the metadata of one day's materialisation; `outcome` tells a fetch from a skip.

    Args:
        report: what became of the day in this run.
        store: where its files are.
        read_by: the run that read it; None where that is not known any more.
    """
    if report.coverage is None:
        return {"outcome": report.outcome, "run_requests": report.requests}
    paths = store.day(report.chat, report.day)
    return {
        "outcome": report.outcome,
        "run_requests": report.requests,
        "read_by": dg.MetadataValue.dagster_run(read_by) if read_by else "a run that is not known any more",
        **_of_coverage(report.coverage),
        **_of_files(paths),
    }


def lag_hours(coverage: Coverage) -> float:
    """Returns the hours from a day's end to its reading; 0 for one that was read before it was over."""
    end = day_start(coverage.date + ONE_DAY, ZoneInfo(coverage.timezone))
    return round(max((coverage.fetched_at - end).total_seconds(), 0.0) / HOUR, 2)


def _of_coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "dagster/partition_row_count": coverage.message_count,
        "messages": coverage.message_count,
        "comments": coverage.comment_count,
        "requests": coverage.requests,
        "lag_hours": lag_hours(coverage),
        "losses": len(coverage.lost),
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
