"""Events as the fetcher makes them, for the tests of who is told."""

from datetime import UTC, date, datetime
from typing import Any

from tg_fetcher_dagster.events.models import FetchFailed, FetchProgress, FetchSkipped, MessagesFetched

DAY = date(2025, 11, 7)
REQUEST = "fetch-0123456789abcdef0123"
BASE: dict[str, Any] = {
    "service": "tg_fetcher",
    "correlation_id": "c-1",
    "command_ids": ("cmd-1", "cmd-2"),
    "timestamp": datetime(2025, 11, 8, 0, 15, tzinfo=UTC),
    "chat": "ru_python",
    "date": DAY,
}


def fetched(**values: Any) -> MessagesFetched:
    facts = {
        **BASE,
        "message_count": 2,
        "file_path": "data/ru_python/2025-11-07.json",
        "duration_seconds": 1.5,
        "checksum_sha256": "ab" * 32,
        "estimated_tokens_total": 10,
        "first_message_ts": "2025-11-07T00:00:01Z",
        "last_message_ts": "2025-11-07T23:59:59Z",
        "schema_version": "1.0",
        "preprocessing_version": "1",
        "summary_file_path": "data/ru_python/2025-11-07_summary.json",
        "threads_file_path": "data/ru_python/2025-11-07_threads.json",
        "participants_file_path": "data/ru_python/2025-11-07_participants.json",
        "final": True,
    }
    return MessagesFetched(**{**facts, **values})


def skipped(**values: Any) -> FetchSkipped:
    facts = {**BASE, "reason": "complete already", "checksum_expected": None, "checksum_actual": None}
    return FetchSkipped(**{**facts, **values})


def failed(**values: Any) -> FetchFailed:
    facts = {**BASE, "error": "the chat is private", "error_type": "no_access", "retryable": False}
    return FetchFailed(**{**facts, **values})


def progress(count: int, **values: Any) -> FetchProgress:
    return FetchProgress(**{**BASE, "messages_processed": count, "messages_fetched": count, **values})
