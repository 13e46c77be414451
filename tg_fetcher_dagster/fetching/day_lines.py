"""A day's fetch in the log: one line when it begins, one when it ends, with all that is to be known of it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog

from tg_fetcher_dagster.errors import ErrorType, FetchError, advice
from tg_fetcher_dagster.fetching.day_measures import mode_of
from tg_fetcher_dagster.fetching.request import DayReport, FetchRequest
from tg_fetcher_dagster.ledger.asks import Asker
from tg_fetcher_dagster.requests.retrying import passes
from tg_fetcher_dagster.telegram.spent import Spent

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DayLines:
    """Tells of the days of one request."""

    request: FetchRequest

    def began(self, day: date, askers: Sequence[Asker]) -> None:
        """The walk has come to a day."""
        log.info("fetch began", date=day.isoformat(), **self._who(askers))

    def ended(self, report: DayReport, askers: Sequence[Asker], spent: Spent) -> None:
        """A day has ended: it is kept, was complete already, or failed."""
        error = report.error
        log.log(
            logging.INFO if error is None else logging.WARNING,
            "fetch ended",
            date=report.day.isoformat(),
            **self._who(askers),
            status=_status(report),
            **_found(report),
            requests=report.requests or spent.requests,
            retries=spent.repeats,
            wait_seconds=round(spent.waited, 3),
            error_type=error.error_type.value if error else None,
            error=error.message if error else None,
            advice=advice([error.error_type]) if error else None,
        )

    def not_begun(self, reports: Sequence[DayReport], askers: Sequence[Asker]) -> None:
        """Days have failed that the walk never came to: one line for each reason."""
        by_reason: dict[tuple[str, str], list[DayReport]] = {}
        for each in reports:
            error = each.error or FetchError(ErrorType.INTERNAL, "failed without a reason")
            by_reason.setdefault((error.error_type.value, error.message), []).append(each)
        for (error_type, error_line), group in by_reason.items():
            log.warning(
                "days not fetched",
                **self._who(askers),
                dates=[each.day.isoformat() for each in group],
                status=_status(group[0]),
                duration_seconds=round(sum(each.seconds for each in group), 3),
                error_type=error_type,
                error=error_line,
                advice=advice([ErrorType(error_type)]),
            )

    def _who(self, askers: Sequence[Asker]) -> dict[str, Any]:
        correlation_ids = list(dict.fromkeys(asker.correlation_id for asker in askers))
        command_ids = list(dict.fromkeys(asker.command_id for asker in askers if asker.command_id))
        found: dict[str, Any] = {
            "chat": self.request.chat,
            "mode": mode_of(self.request),
            "batch_id": self.request.request_id,
            "correlation_id": correlation_ids[0] if correlation_ids else self.request.request_id,
            "command_id": command_ids[0] if command_ids else None,
        }
        if len(correlation_ids) > 1 or len(command_ids) > 1:
            found |= {"correlation_ids": correlation_ids, "command_ids": command_ids}
        return found


def _status(report: DayReport) -> str:
    """`waits` for a day that a passing state has put off; else how it ended."""
    error = report.error
    if error is not None and passes(error, known_end=bool(error.retry_at or error.retry_after)):
        return "waits"
    return report.outcome


def _found(report: DayReport) -> Mapping[str, Any]:
    """What was read; a failed day's coverage is an earlier reading's."""
    coverage = report.coverage
    if coverage is None or report.outcome == "failed":
        return {"message_count": 0, "duration_seconds": round(report.seconds, 3)}
    return {
        "message_count": coverage.message_count,
        "comment_count": coverage.comment_count,
        "lost_count": len(coverage.lost),
        "final": coverage.final,
        "duration_seconds": coverage.duration_seconds if report.outcome != "skipped" else 0.0,
    }
