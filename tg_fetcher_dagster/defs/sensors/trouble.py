"""A tick that cannot do its work now (Redis away, disk full, a wrong setting) says so in one line, and once.

An exception out of a tick would show its stack trace every few seconds and say nothing more, and the same
line every few seconds for hours is not read. Nothing is lost by skipping: what a tick works on stands in the
ledger, in Redis and in Dagster's instance.
"""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import dagster as dg
import structlog

from tg_fetcher_dagster.errors import FetchError

log = structlog.get_logger(__name__)

ResultT = TypeVar("ResultT")
ContextT = TypeVar("ContextT", dg.SensorEvaluationContext, dg.ScheduleEvaluationContext)


def skips_in_trouble(
    tick: Callable[[ContextT], ResultT],
) -> Callable[[ContextT], ResultT | dg.SkipReason]:
    """Makes the function of a sensor or a schedule answer a `FetchError` with a skip.

    The trouble is logged when it begins and when it ends; every tick that meets it shows it in the UI.
    """
    standing: list[str] = []

    @wraps(tick)
    def guarded(context: ContextT) -> ResultT | dg.SkipReason:
        try:
            result = tick(context)
        except FetchError as error:
            if standing != [error.message]:
                context.log.error("%s", error.message)  # noqa: TRY400 - one line, no trace
                log.error("a sensor waits", sensor=tick.__name__, why=error.message)  # noqa: TRY400
                standing[:] = [error.message]
            return dg.SkipReason(error.message)
        if standing:
            log.info("a sensor works again", sensor=tick.__name__, after=standing.pop())
        return result

    return guarded
