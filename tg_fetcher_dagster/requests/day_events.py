"""The events of days that end without having been read: refused, given up, cancelled, complete already."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.models import FetchFailed, FetchSkipped


@dataclass(frozen=True, slots=True)
class EventMaker:
    """Makes the events of one deployment.

    Attributes:
        service: the setting SERVICE_NAME.
    """

    service: str

    def failed(
        self,
        chat: str | None,
        day: dt.date | None,
        error: FetchError,
        *,
        command_ids: Sequence[str] = (),
        correlation_id: str,
    ) -> FetchFailed:
        """A day could not be fetched, or a command makes no sense."""
        return FetchFailed(
            service=self.service,
            correlation_id=correlation_id,
            command_ids=tuple(command_ids),
            chat=chat,
            date=day,
            error=error.message,
            error_type=error.error_type,
            retryable=error.retryable,
        )

    def skipped(
        self,
        chat: str,
        day: dt.date,
        reason: str,
        *,
        checksum: str | None,
        final: bool,
        command_ids: Sequence[str] = (),
        correlation_id: str,
        duplicate_of: str | None = None,
    ) -> FetchSkipped:
        """A day needs no run: it is complete, or the same ask was answered a moment ago."""
        return FetchSkipped(
            service=self.service,
            correlation_id=correlation_id,
            command_ids=tuple(command_ids),
            chat=chat,
            date=day,
            reason=reason,
            checksum_expected=checksum,
            checksum_actual=checksum,
            final=final,
            duplicate_of=duplicate_of,
        )
