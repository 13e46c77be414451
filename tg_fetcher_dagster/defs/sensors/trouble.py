"""A tick that cannot do its work now (Redis away, disk full, a wrong setting) says so in a line, and seldom.

An exception out of a tick would show its stack trace every few seconds and say nothing more, and the same
line every few seconds for hours is not read. Nothing is lost by skipping: what a tick works on stands in the
ledger, in Redis and in Dagster's instance.
"""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import dagster as dg

from tg_fetcher_dagster.defs.instance_facts import IN_TROUBLE
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.logs.lasting import OF_PROCESS
from tg_fetcher_dagster.logs.lines import log_context

ResultT = TypeVar("ResultT")
ContextT = TypeVar("ContextT", dg.SensorEvaluationContext, dg.ScheduleEvaluationContext)


def skips_in_trouble(
    tick: Callable[[ContextT], ResultT],
) -> Callable[[ContextT], ResultT | dg.SkipReason]:
    """Makes the function of a sensor or a schedule answer a `FetchError` with a skip.

    The trouble is logged when it begins, every few minutes and when it ends, once for all sensors of this
    process that meet it; every tick that meets it shows it in the UI, and the monitor counts it as failed.
    """
    name = tick.__name__

    @wraps(tick)
    def guarded(context: ContextT) -> ResultT | dg.SkipReason:
        with log_context(tick=name):
            try:
                result = tick(context)
            except FetchError as error:
                OF_PROCESS.met(error.message, by=name)
                return dg.SkipReason(f"{IN_TROUBLE}{error.message}")
            OF_PROCESS.passed(by=name)
            return result

    return guarded
