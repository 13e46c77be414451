"""How a try of a step ended, told wherever somebody may look: the run's page, the log, the list of runs."""

import logging

import dagster as dg
import structlog

from tg_fetcher_dagster.defs.failures import TriedAgain, Tries, sort_of
from tg_fetcher_dagster.defs.run_tags import FAILED
from tg_fetcher_dagster.errors import advice

log = structlog.get_logger(__name__)


def tell_of_try(context: dg.AssetExecutionContext, told: TriedAgain | dg.Failure, tries: Tries) -> None:
    """Says in one line how a try of the step ended: on the run's page, in the log, in the list of runs."""
    level, seconds = logging.ERROR, None
    if isinstance(told, TriedAgain):
        level, seconds = logging.WARNING, told.seconds_to_wait
    context.log.log(level, "%s", told)
    sort = sort_of(told)
    log.log(
        level,
        "a try failed",
        run_id=context.run.run_id,
        retry_count=tries.made,
        tries=tries.allowed + 1,
        wait_seconds=seconds,
        error_type=sort.value,
        error=str(told),
        advice=advice([sort]),
    )
    if isinstance(told, dg.Failure) and "error_type" in told.metadata:
        context.instance.add_run_tags(context.run.run_id, {FAILED: sort.value})
