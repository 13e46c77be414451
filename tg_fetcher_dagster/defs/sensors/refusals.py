"""A tick that cannot do its work now (Redis away, disk full, a wrong setting) says so in one line.

An exception out of a tick would show its stack trace every few seconds and say nothing more. Nothing is lost
by skipping: what a tick works on stands in Redis, in the outbox and in Dagster's instance.
"""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import dagster as dg

from tg_fetcher_dagster.errors import FetchError

ResultT = TypeVar("ResultT")


def skips_when_refused(
    tick: Callable[[dg.SensorEvaluationContext], ResultT],
) -> Callable[[dg.SensorEvaluationContext], ResultT | dg.SkipReason]:
    """Makes a sensor's function answer a `FetchError` with a line in the tick's log and a skip."""

    @wraps(tick)
    def guarded(context: dg.SensorEvaluationContext) -> ResultT | dg.SkipReason:
        try:
            return tick(context)
        except FetchError as error:
            context.log.error("%s", error.message)  # noqa: TRY400 - one line, no trace
            return dg.SkipReason(error.message)

    return guarded
