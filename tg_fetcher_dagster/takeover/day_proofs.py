"""What the files of a day say of it: all that is proved, or that the day was done, or why neither.

A raw file carries the record of its reading; the rest is counted from the day file and its summary. Only a
day whose files belong together is proved so. A day file without a raw file, as the predecessor of this
program wrote them, says that its day was done.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from tg_fetcher_dagster.days import ONE_DAY, day_of, day_start
from tg_fetcher_dagster.durable_files import sha256_of
from tg_fetcher_dagster.fetching.day_record import reading_in
from tg_fetcher_dagster.storage.coverage import Coverage, Sizes
from tg_fetcher_dagster.storage.day_file import message_ids
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import read_raw


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneDay:
    """A day of which only the product is there.

    Attributes:
        checksum_sha256: of the day file.
        message_count: its messages.
        written_at: when the file was written; seconds since 1970.
        is_over: the day was over by then.
    """

    checksum_sha256: str
    message_count: int
    written_at: float
    is_over: bool


def coverage_of_files(paths: DayPaths) -> Coverage:
    """Returns what a day's files prove.

    Raises:
        FetchError: (storage) the raw file is gone, torn or damaged.
        ValueError: the files do not belong together; the day can be made again from its raw file.
    """
    head, end, ids, unavailable = _raw_facts(paths.raw)
    if (head["chat"], head["date"]) != (paths.chat, paths.day.isoformat()):
        raise ValueError(f"the raw file is that of {head['chat']} {head['date']}")
    try:
        summary = orjson.loads(paths.summary.read_bytes())
        sizes = Sizes(
            raw=paths.raw.stat().st_size,
            summary=paths.summary.stat().st_size,
            threads=paths.threads.stat().st_size,
            participants=paths.participants.stat().st_size,
        )
        size = paths.day_file.stat().st_size
    except OSError as error:
        raise ValueError(f"{error.filename}: {error.strerror}") from error
    if sha256_of(paths.day_file) != summary["file_checksum_sha256"]:
        raise ValueError("the day file is not the one that its summary names")
    there = message_ids(paths.day_file)
    if there != ids:
        raise ValueError("the day file does not hold the raw file's messages")
    files = {
        "message_count": summary["message_count"],
        "comment_count": summary.get("comment_count") or 0,
        "checksum_sha256": summary["file_checksum_sha256"],
        "size_bytes": size,
        "newest_message_id": max(there, default=None),
        "first_message_ts": summary["first_message_ts"],
        "last_message_ts": summary["last_message_ts"],
        "estimated_tokens_total": summary["estimated_tokens_total"],
        "schema_version": summary["schema_version"],
        "preprocessing_version": summary["preprocessing_version"],
        "sizes": sizes,
    }
    return Coverage.model_validate({**reading_in(head, end, unavailable), **files, "outcome": "unchanged"})


def done_day(paths: DayPaths, *, zone: ZoneInfo) -> DoneDay:
    """Returns what a day file alone says: one of schema 1.0, whoever wrote it.

    Raises:
        ValueError: it is none, or holds messages of other days: nothing is done by it.
        OSError: it cannot be read.
    """
    content = orjson.loads(paths.day_file.read_bytes())
    try:
        source, messages = content["source_info"], content["messages"]
        days = {day_of(dt.datetime.fromisoformat(each["date"]), zone) for each in messages}
        is_schema_1 = str(content["version"]).startswith("1.") and isinstance(source, dict)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no day file of schema 1.0: {error!r}") from None
    if not is_schema_1:
        raise ValueError("no day file of schema 1.0")
    if days - {paths.day}:
        others = ", ".join(str(day) for day in sorted(days - {paths.day})[:3])
        raise ValueError(f"it holds messages of other days ({others})")
    written_at = paths.day_file.stat().st_mtime
    return DoneDay(
        checksum_sha256=sha256_of(paths.day_file) or "",
        message_count=len(messages),
        written_at=written_at,
        is_over=written_at >= day_start(paths.day + ONE_DAY, zone).timestamp(),
    )


def checksum_that_is_told(paths: DayPaths) -> str | None:
    """Returns the day file's checksum as its summary tells it; None where it tells none."""
    try:
        summary = orjson.loads(paths.summary.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    told = summary.get("file_checksum_sha256") if isinstance(summary, dict) else None
    return told if isinstance(told, str) else None


def _raw_facts(
    raw: Path,
) -> tuple[dict[str, Any], dict[str, Any], frozenset[int], list[tuple[int, str]]]:
    """A raw file's head and end, the ids of its messages, and posts whose comments could not be read."""
    lines: Iterator[dict[str, Any]] = read_raw(raw)
    head = end = next(lines)
    ids: set[int] = set()
    unavailable = []
    for line in lines:
        end = line
        if line["kind"] == "message":
            ids.add(int(line["value"]["id"]))
        elif line["kind"] == "comments" and line["outcome"] != "read":
            unavailable.append((line["post_id"], line["reason"] or "unknown"))
    return head, end, frozenset(ids), unavailable
