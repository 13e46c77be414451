"""Who is told of a chat's day, and when.

Each chat and day that was asked for ends in exactly one of `messages_fetched`, `fetch_skipped` and
`fetch_failed`, recorded in the transaction in which the day ends; progress is told in passing.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

from tg_fetcher_dagster.events.models import Event, FetchProgress, FetchStage, FetchStarted
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_end import (
    asked_by,
    common_keys,
    day_end_event,
    record_end,
    skipped_event,
)
from tg_fetcher_dagster.fetching.day_lines import DayLines
from tg_fetcher_dagster.fetching.day_measures import Fetching, measures_of_day
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.ledger import asks
from tg_fetcher_dagster.ledger.asks import Asker, End
from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.measures import measure
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.telegram.spent import Spent

Stage = Literal["fetching", "saving", "postprocess"]


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
        event = skipped_event(self._common(coverage.date), coverage, reason=reason, expected=expected)
        with self._context.ledger.write() as connection:
            if record_end(connection, event, request_id=self.request_id, end="skipped"):
                ended = measures_of_day(
                    self.fetching, coverage.chat, status="skipped", seconds=seconds, now=now()
                )
                measure(connection, ended)

    def _common(self, day: date) -> dict[str, Any]:
        return common_keys(
            self._settings, self._request.chat, day, request_id=self.request_id, notice=self.notice
        )

    def _passing(self, day: date) -> dict[str, Any]:
        """Returns what progress of a day says of it."""
        return {**self._common(day), **asked_by(self._askers(day))}

    def _askers(self, day: date) -> tuple[Asker, ...]:
        """Returns who waits for a day; looked up once a day, when it begins."""
        if day not in self._who:
            with self._context.ledger.read() as connection:
                self._who[day] = asks.askers_of(connection, self.request_id, self._request.chat, day)
        return self._who[day]

    def _in_passing(self, event: Event) -> None:
        self._context.passing.tell(event, request_id=self.request_id)
