"""The progress report: one line a chat for those who read PROGRESS_FILE.

It is derived from the ledger and never decides what is fetched. Several runs may write it at once; each
replaces only its own chat's entry, under a lock.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import structlog

from tg_fetcher_dagster.durable_files import exclusive, write_whole
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import days
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.storage.coverage import last_with_messages

log = structlog.get_logger(__name__)

VERSION = "1.0"


def write_progress(path: Path, ledger: Ledger, *, chat: str, source: str, status: str = "completed") -> None:
    """Brings one chat's entry up to date; call it once a run.

    Args:
        path: PROGRESS_FILE.
        ledger: where the days are counted.
        chat: the chat's key.
        source: the entry's name: `@username` as Telegram spells it, else the key.
        status: how the chat's last fetch ended.

    Raises:
        FetchError: (storage) the disk refused; the earlier report stays.
    """
    with ledger.read() as connection:
        counts = days.counts(connection, chat).get(chat, days.NO_DAYS)
        newest = last_with_messages(connection, chat)
    entry = {
        "last_processed_date": counts.last_settled.isoformat() if counts.last_settled else None,
        "last_message_id": newest and (newest.newest_message_id or newest.scanned_newest_id),
        "last_updated": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": status,
        "message_count": counts.messages,
        "chat": chat,
        "days": counts.read,
        "days_final": counts.settled,
    }
    with exclusive(path.with_name(f".{path.name}.lock")):
        sources = _sources(path)
        # After a rename the chat's earlier name goes: one chat, one entry.
        others = {name: value for name, value in sources.items() if value.get("chat") != chat}
        report = {"version": VERSION, "sources": {**others, source: entry}}
        write_whole(path, orjson.dumps(report, option=orjson.OPT_INDENT_2), durable=False)


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
