"""Who is told of a chat's day, and when.

Each chat and day that was asked for ends in exactly one of `messages_fetched`, `fetch_skipped` and
`fetch_failed`, recorded in the transaction in which the day ends; progress is told in passing.
"""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.models import (
    LOSSES_TOLD,
    Event,
    FetchProgress,
    FetchSkipped,
    FetchStage,
    FetchStarted,
    LossTold,
    MessagesFetched,
    event_id,
)
from tg_fetcher_dagster.events.places import told_paths
from tg_fetcher_dagster.events.recording import record
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_lines import DayLines
from tg_fetcher_dagster.fetching.day_measures import Fetching, measures_of_day
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.ledger import asks
from tg_fetcher_dagster.ledger.asks import Asker, End
from tg_fetcher_dagster.ledger.database import Connection, now
from tg_fetcher_dagster.ledger.measures import measure
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.telegram.spent import Spent

Stage = Literal["fetching", "saving", "postprocess"]


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
    told = event.model_copy(update=_asked_by(askers))
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


def _asked_by(askers: tuple[Asker, ...]) -> dict[str, Any]:
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
    common = _common(settings, paths.chat, paths.day, request_id=request_id, notice=notice)
    if coverage.outcome == "unchanged":
        return _skipped(common, coverage, reason="unchanged", expected=told_before), "unchanged"
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


def _common(
    settings: Settings, chat: str, day: date, *, request_id: str, notice: str | None
) -> dict[str, Any]:
    return {
        "service": settings.service_name,
        "correlation_id": request_id,
        "chat": chat,
        "date": day,
        "notice": notice,
    }


def _skipped(
    common: dict[str, Any], coverage: Coverage, *, reason: str, expected: str | None
) -> FetchSkipped:
    return FetchSkipped(
        **common,
        reason=reason,
        checksum_expected=expected,
        checksum_actual=coverage.checksum_sha256,
        final=coverage.final,
    )


class DayEvents:
    """Tells of the days of one request.

    Attributes:
        request_id: on whose behalf.
        fetching: the same, for what is counted.
        notice: what every event from now on says of the chat's names.
    """

    def __init__(self, context: FetchContext, request: FetchRequest) -> None:
        self._context = context
        self._settings = context.settings
        self._request = request
        self._lines = DayLines(request)
        self._begun: set[date] = set()
        self._who: dict[date, tuple[Asker, ...]] = {}
        self.request_id = request.request_id
        self.fetching = Fetching.of(request)
        self.notice: str | None = None

    def started(self, day: date) -> None:
        """A day's fetch begins."""
        self._begun.add(day)
        self._lines.began(day, self._askers(day))
        self._in_passing(
            FetchStarted(**self._passing(day), strategy=self._request.strategy, stage="fetching")
        )

    def ended(self, report: DayReport, spent: Spent) -> None:
        """A day's fetch has ended, however; its event stands in the ledger, or is made with its batch's end.

        Args:
            report: what became of it.
            spent: on Telegram, for this day.
        """
        self._lines.ended(report, self._askers(report.day), spent)

    def has_begun(self, day: date) -> bool:
        """True once the walk has come to a day."""
        return day in self._begun

    def not_begun(self, reports: Sequence[DayReport]) -> None:
        """Days have failed that the walk never came to."""
        askers = [asker for each in reports for asker in self._askers(each.day)]
        self._lines.not_begun(reports, askers)

    def stage(self, day: date, stage: Stage) -> None:
        """A day goes on to its next stage."""
        self._in_passing(FetchStage(**self._passing(day), stage=stage))

    def progress(self, day: date, messages: int) -> None:
        """Tells every PROGRESS_INTERVAL messages of a day."""
        if messages % self._settings.progress_interval == 0:
            self._in_passing(
                FetchProgress(**self._passing(day), messages_processed=messages, messages_fetched=messages)
            )

    def of_end(self, paths: DayPaths, coverage: Coverage, *, told_before: str | None) -> tuple[Event, End]:
        """Returns what is told of a day on this request's behalf; see `day_end_event`."""
        return day_end_event(
            self._settings,
            paths,
            coverage,
            request_id=self.request_id,
            told_before=told_before,
            notice=self.notice,
        )

    def skipped(self, coverage: Coverage, *, reason: str, expected: str | None, seconds: float) -> None:
        """A day has no new content; a request tells and counts that once.

        Args:
            coverage: what is proved of it.
            reason: why nothing is new.
            expected: the checksum that was told of last.
            seconds: that it took to find out.

        Raises:
            FetchError: (storage) the ledger refused.
        """
        event = _skipped(self._common(coverage.date), coverage, reason=reason, expected=expected)
        with self._context.ledger.write() as connection:
            if record_end(connection, event, request_id=self.request_id, end="skipped"):
                ended = measures_of_day(
                    self.fetching, coverage.chat, status="skipped", seconds=seconds, now=now()
                )
                measure(connection, ended)

    def _common(self, day: date) -> dict[str, Any]:
        return _common(
            self._settings, self._request.chat, day, request_id=self.request_id, notice=self.notice
        )

    def _passing(self, day: date) -> dict[str, Any]:
        """Returns what progress of a day says of it."""
        return {**self._common(day), **_asked_by(self._askers(day))}

    def _askers(self, day: date) -> tuple[Asker, ...]:
        """Returns who waits for a day; looked up once a day, when it begins."""
        if day not in self._who:
            with self._context.ledger.read() as connection:
                self._who[day] = asks.askers_of(connection, self.request_id, self._request.chat, day)
        return self._who[day]

    def _in_passing(self, event: Event) -> None:
        self._context.passing.tell(event, request_id=self.request_id)
