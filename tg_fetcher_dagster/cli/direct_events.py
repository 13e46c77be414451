"""What `fetch --direct` tells of days that no run answers: refused ones, unknown chats, floods.

Elsewhere the commands' sensor does so or comes back to them; here nobody else would, and each chat and day
that was asked for ends in exactly one event.
"""

from collections.abc import Iterable
from datetime import date

import structlog

from tg_fetcher_dagster.defs.publishing import drain_outbox
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.models import FetchFailed
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.requests.plan import Batch
from tg_fetcher_dagster.settings import Settings

log = structlog.get_logger(__name__)


class DirectEvents:
    """Records failures of one `fetch --direct`, to be published with the others."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._outbox = Outbox(settings.data_dir)
        self._recorded = False

    def refused(self, command_id: str, chat: str, days: Iterable[date | None], error: FetchError) -> None:
        """Records days of a command that never became a run; None where it has no days yet."""
        for day in days:
            self._record(day, chat, error, request_id=command_id, command_ids=(command_id,))

    def unanswered(self, batch: Batch, day: date, error: FetchError) -> None:
        """Records a day that a run has left without an end; nothing where it has one."""
        self._record(day, batch.chat_key, error, request_id=batch.batch_id, command_ids=batch.command_ids)

    def publish(self) -> None:
        """Publishes what was recorded where Redis is there; else it waits in the outbox."""
        if not self._recorded:
            return
        try:
            drain_outbox(self._settings)
        except FetchError as error:
            log.info("events wait in the outbox", reason=error.message)

    def _record(
        self,
        day: date | None,
        chat: str,
        error: FetchError,
        *,
        request_id: str,
        command_ids: tuple[str, ...],
    ) -> None:
        event = FetchFailed(
            service=self._settings.service_name,
            correlation_id=command_ids[0],
            command_ids=command_ids,
            chat=chat,
            date=day,
            error=error.message,
            error_type=error.error_type,
            retryable=error.retryable,
        )
        self._recorded = self._outbox.put(event, request_id=request_id, durable=True) or self._recorded
