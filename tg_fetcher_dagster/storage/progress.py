"""The progress report: one line a chat for those who read PROGRESS_FILE.

It is derived from the coverage and never decides what is fetched. Several runs may write it at once; each
replaces only its own chat's entry, under a lock.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import structlog

from tg_fetcher_dagster.durable_files import exclusive, write_whole
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.storage.coverage import Coverage, covered_days
from tg_fetcher_dagster.storage.paths import Store

log = structlog.get_logger(__name__)

VERSION = "1.0"


def write_progress(path: Path, store: Store, *, chat: str, source: str, status: str = "completed") -> None:
    """Brings one chat's entry up to date; call it once a run, it reads all the chat's coverage.

    Args:
        path: PROGRESS_FILE.
        store: where the coverage is.
        chat: the chat's key.
        source: the entry's name: `@username` as Telegram spells it, else the key.
        status: how the chat's last fetch ended.

    Raises:
        FetchError: (storage) the disk refused; the earlier report stays.
    """
    entry = progress_of(covered_days(store, chat).values(), chat=chat, status=status)
    with exclusive(path.with_name(f".{path.name}.lock")):
        sources = _sources(path)
        # After a rename the chat's earlier name goes: one chat, one entry.
        others = {name: value for name, value in sources.items() if value.get("chat") != chat}
        report = {"version": VERSION, "sources": {**others, source: entry}}
        write_whole(path, orjson.dumps(report, option=orjson.OPT_INDENT_2), durable=False)


def progress_of(days: Collection[Coverage], *, chat: str, status: str) -> dict[str, Any]:
    """Returns a chat's entry; `days` are in order, the oldest first.

    `last_processed_date` is the newest day that is final, `last_message_id` the newest message of all days,
    `message_count` the sum over all days.
    """
    final = [day for day in days if day.final]
    ids = [
        newest
        for day in days
        if (newest := day.newest_message_id or (day.scanned_newest_id if day.message_count else None))
    ]
    return {
        "last_processed_date": final[-1].date.isoformat() if final else None,
        "last_message_id": ids[-1] if ids else None,
        "last_updated": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": status,
        "message_count": sum(day.message_count for day in days),
        "chat": chat,
        "days": len(days),
        "days_final": len(final),
    }


def _sources(path: Path) -> dict[str, dict[str, Any]]:
    try:
        sources = orjson.loads(path.read_bytes())["sources"]
        return {str(name): dict(value) for name, value in sources.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise FetchError(ErrorType.STORAGE, f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("the progress report was damaged and is begun anew", path=str(path), error=str(error))
        return {}
