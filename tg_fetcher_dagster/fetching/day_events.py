"""Who is told of a chat's day, and when: the events of a fetch, through the outbox.

Each chat and day that was asked for ends in exactly one of `messages_fetched`, `fetch_skipped` and
`fetch_failed`: a second attempt at the same request tells only what the first one did not.
"""

import uuid
from datetime import date
from typing import Any, Literal, Self

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.models import (
    LOSSES_TOLD,
    Event,
    FetchFailed,
    FetchProgress,
    FetchSkipped,
    FetchStage,
    FetchStarted,
    LossTold,
    MessagesFetched,
)
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.events.passing import Passing
from tg_fetcher_dagster.events.places import told_paths
from tg_fetcher_dagster.fetching.request import FetchRequest
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.paths import DayPaths

Stage = Literal["fetching", "saving", "postprocess"]


class DayEvents:
    """Leaves the events of one request in the outbox.

    Attributes:
        notice: what every event from now on says of the chat's names.
    """

    def __init__(self, outbox: Outbox, settings: Settings, request: FetchRequest) -> None:
        self._outbox = outbox
        self._settings = settings
        self._request = request
        self._passing = Passing(settings)
        self.notice: str | None = None

    @classmethod
    def of_its_own(cls, outbox: Outbox, settings: Settings, chat: str, day: date, *, why: str) -> Self:
        """Returns who tells of a day that changed unasked; `why` begins the made-up request's id."""
        request_id = f"{why}-{uuid.uuid4().hex}"
        return cls(outbox, settings, FetchRequest(request_id=request_id, chat=chat, days=(day,)))

    @property
    def request_id(self) -> str:
        """On whose behalf it tells."""
        return self._request.request_id

    def is_told(self, day: date) -> bool:
        """True where this request's outcome of the day is recorded already."""
        return self._outbox.outcome(self._request.request_id, self._request.chat, day) is not None

    def _common(self, day: date) -> dict[str, Any]:
        asked_by = self._request.asked_on(day)
        return {
            "service": self._settings.service_name,
            "correlation_id": asked_by[0].correlation_id if asked_by else self._request.correlation_id,
            "command_ids": tuple(dict.fromkeys(asker.command_id for asker in asked_by)),
            "chat": self._request.chat,
            "date": day,
            "notice": self.notice,
        }

    def started(self, day: date) -> None:
        """A day's fetch begins."""
        self._in_passing(FetchStarted(**self._common(day), strategy=self._request.strategy, stage="fetching"))

    def stage(self, day: date, stage: Stage) -> None:
        """A day goes on to its next stage."""
        self._in_passing(FetchStage(**self._common(day), stage=stage))

    def progress(self, day: date, messages: int) -> None:
        """Tells every PROGRESS_INTERVAL messages of a day."""
        if messages % self._settings.progress_interval == 0:
            self._in_passing(
                FetchProgress(**self._common(day), messages_processed=messages, messages_fetched=messages)
            )

    def kept(self, paths: DayPaths, coverage: Coverage, *, told_before: str | None) -> None:
        """Tells what was read: new or changed content, or the same as before.

        Args:
            paths: where the day's files are.
            coverage: what was read.
            told_before: the checksum that was told of last.
        """
        if coverage.outcome == "unchanged":
            self.skipped(coverage, reason="unchanged", expected=told_before)
            return
        changes = coverage.changes
        self._outcome(
            MessagesFetched(
                **self._common(coverage.date),
                message_count=coverage.message_count,
                **told_paths(paths, self._settings),
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
            )
        )

    def skipped(self, coverage: Coverage, *, reason: str, expected: str | None) -> None:
        """A day has no new content; `expected` is the checksum that was told of last."""
        self._outcome(
            FetchSkipped(
                **self._common(coverage.date),
                reason=reason,
                checksum_expected=expected,
                checksum_actual=coverage.checksum_sha256,
                final=coverage.final,
            )
        )

    def failed(self, day: date, error: FetchError, *, duration_seconds: float = 0.0) -> None:
        """A day could not be fetched, and no further attempt follows."""
        self._outcome(
            FetchFailed(
                **self._common(day),
                error=error.message,
                error_type=error.error_type,
                retryable=error.retryable,
                duration_seconds=duration_seconds,
            )
        )

    def _in_passing(self, event: Event) -> None:
        self._passing.tell(event, request_id=self._request.request_id)

    def _outcome(self, event: Event) -> None:
        self._outbox.put(event, request_id=self._request.request_id, durable=True)  # once for each day
