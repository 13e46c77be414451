"""What is told of a day's end, and that its end and what is told of it are one transaction.

Each chat and day that was asked for ends in exactly one of `messages_fetched`, `fetch_skipped` and
`fetch_failed`.
"""

import uuid
from datetime import date
from typing import Any

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.models import (
    LOSSES_TOLD,
    Event,
    FetchSkipped,
    LossTold,
    MessagesFetched,
    event_id,
)
from tg_fetcher_dagster.events.places import told_paths
from tg_fetcher_dagster.events.recording import record
from tg_fetcher_dagster.ledger import asks
from tg_fetcher_dagster.ledger.asks import Asker, End
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.paths import DayPaths


def unasked(why: str) -> str:
    """Returns a made-up request's id, for a day that changed without being asked for; `why` begins it."""
    return f"{why}-{uuid.uuid4().hex}"


def record_end(
    connection: Connection, event: Event, *, request_id: str, end: End, error: FetchError | None = None
) -> bool:
    """Records how a day ended and ends the asks that it answers, in the caller's transaction.

    Args:
        connection: in the transaction in which the day ends.
        event: a terminal event; who asked is filled in here.
        request_id: the batch, or a made-up id.
        end: how the asks end.
        error: why, where they fail.

    Returns:
        False where the request has told already how the day ended. Who has joined since then is told by
        another batch: his ask stays open.
    """
    if event.chat is None or event.date is None:
        raise ValueError(f"{event.event} of no chat and day")
    askers = asks.askers_of(connection, request_id, event.chat, event.date)
    told = event.model_copy(update=asked_by(askers))
    correlation_ids = list(dict.fromkeys(asker.correlation_id for asker in askers))
    if not record(connection, told, request_id=request_id, correlation_ids=correlation_ids):
        return False
    # Those whom the event names: who joins just now is told by another one.
    asks.end_asks(
        connection,
        [asker.request_id for asker in askers],
        event.chat,
        event.date,
        end=end,
        event_id=event_id(told, request_id=request_id),
        error_type=error.error_type.value if error else None,
        error=error.message if error else None,
    )
    return True


def asked_by(askers: tuple[Asker, ...]) -> dict[str, Any]:
    """Returns the keys of an event that say whom it answers; none where nobody asked."""
    if not askers:
        return {}
    named = dict.fromkeys(asker.command_id for asker in askers if asker.command_id is not None)
    return {"correlation_id": askers[0].correlation_id, "command_ids": tuple(named)}


def day_end_event(
    settings: Settings,
    paths: DayPaths,
    coverage: Coverage,
    *,
    request_id: str,
    told_before: str | None,
    notice: str | None = None,
) -> tuple[Event, End]:
    """Returns what is told of a day that was read or made again, and how the asks for it end.

    Args:
        settings: with the service's name.
        paths: where the day's files are.
        coverage: what is proved of the day, with what was found against what was told before.
        request_id: on whose behalf it is told.
        told_before: the checksum that was told of last.
        notice: what is to be known of the chat's names.
    """
    common = common_keys(settings, paths.chat, paths.day, request_id=request_id, notice=notice)
    if coverage.outcome == "unchanged":
        return skipped_event(common, coverage, reason="unchanged", expected=told_before), "unchanged"
    changes = coverage.changes
    return MessagesFetched(
        **common,
        message_count=coverage.message_count,
        **told_paths(paths, settings),
        duration_seconds=coverage.duration_seconds,
        checksum_sha256=coverage.checksum_sha256,
        estimated_tokens_total=coverage.estimated_tokens_total,
        first_message_ts=coverage.first_message_ts,
        last_message_ts=coverage.last_message_ts,
        schema_version=coverage.schema_version,
        preprocessing_version=coverage.preprocessing_version,
        final=coverage.final,
        messages_added=changes.added.count if changes else None,
        messages_edited=changes.edited.count if changes else None,
        messages_deleted=changes.deleted.count if changes else None,
        messages_recounted=changes.recounted.count if changes else None,
        added_ids=changes.added.ids if changes else None,
        edited_ids=changes.edited.ids if changes else None,
        deleted_ids=changes.deleted.ids if changes else None,
        recounted_ids=changes.recounted.ids if changes else None,
        lost=tuple(LossTold(what=loss.what, why=loss.why) for loss in coverage.lost[:LOSSES_TOLD]),
        lost_count=len(coverage.lost),
    ), "fetched"


def common_keys(
    settings: Settings, chat: str, day: date, *, request_id: str, notice: str | None
) -> dict[str, Any]:
    """Returns what every event of a day says."""
    return {
        "service": settings.service_name,
        "correlation_id": request_id,
        "chat": chat,
        "date": day,
        "notice": notice,
    }


def skipped_event(
    common: dict[str, Any], coverage: Coverage, *, reason: str, expected: str | None
) -> FetchSkipped:
    """Returns what is told of a day without new content."""
    return FetchSkipped(
        **common,
        reason=reason,
        checksum_expected=expected,
        checksum_actual=coverage.checksum_sha256,
        final=coverage.final,
    )
