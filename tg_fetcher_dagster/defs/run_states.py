"""What is known of a run by its key, as the dispatch of commands asks it."""

import dagster as dg

from tg_fetcher_dagster.defs.conclusion import failures_of
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.requests.following import RunState, RunStatus

RUN_KEY = "dagster/run_key"  # dagster._core.storage.tags, no public name

_ENDED = {
    dg.DagsterRunStatus.SUCCESS: RunStatus.SUCCEEDED,
    dg.DagsterRunStatus.FAILURE: RunStatus.FAILED,
    dg.DagsterRunStatus.CANCELED: RunStatus.CANCELED,
}


def run_state(instance: dg.DagsterInstance, run_key: str) -> RunState:
    """Returns the state of the newest run with this key.

    The error of a failed run is the flood that it could not wait out, if there was one: that decides when
    the next attempt begins. A run that died without a word has none.
    """
    runs = instance.get_runs(filters=dg.RunsFilter(tags={RUN_KEY: run_key}), limit=1)
    if not runs:
        return RunState(RunStatus.ABSENT)
    status = _ENDED.get(runs[0].status, RunStatus.ACTIVE)
    return RunState(status, _error(instance, runs[0].run_id) if status is RunStatus.FAILED else None)


def _error(instance: dg.DagsterInstance, run_id: str) -> FetchError | None:
    failed = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    errors = [
        error
        for record in failed
        if record.event_log_entry.dagster_event is not None
        and (said := record.event_log_entry.dagster_event.step_failure_data.user_failure_data) is not None
        for error in failures_of(said.metadata).values()
    ]
    floods = [error for error in errors if error.error_type is ErrorType.RATE_LIMIT]
    return next(iter(floods or errors), None)
