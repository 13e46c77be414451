"""The runs that the reconciler has asked for, as Dagster and the ledger know them; looked up in bulk."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import dagster as dg

from tg_fetcher_dagster.defs.heartbeat import SILENT
from tg_fetcher_dagster.defs.partitions import CHATS
from tg_fetcher_dagster.defs.running import RUN_KEY
from tg_fetcher_dagster.ledger import attempts
from tg_fetcher_dagster.ledger.attempts import Attempt
from tg_fetcher_dagster.ledger.database import Ledger, now
from tg_fetcher_dagster.requests.runs import RunState, RunStatus

AT_ONCE: Final = 500
"""Keys of one query: 500 took 87 ms, one query a key 5 to 8 ms each."""

_ENDED: Final = {
    dg.DagsterRunStatus.SUCCESS: RunStatus.SUCCEEDED,
    dg.DagsterRunStatus.FAILURE: RunStatus.FAILED,
    dg.DagsterRunStatus.CANCELED: RunStatus.CANCELED,
}


class DagsterRuns:
    """Dagster's runs by their keys; the `Runs` of `requests.runs`.

    Args:
        instance: that keeps the runs.
        ledger: that says which of them began.
    """

    def __init__(self, instance: dg.DagsterInstance, ledger: Ledger) -> None:
        self._instance = instance
        self._ledger = ledger

    def states(self, run_keys: Sequence[str], run_ids: Sequence[str]) -> Mapping[str, RunState]:
        """Returns the state of runs by their keys, and of those that have registered by their ids.

        One query for every 500 of either kind. A registered run that this instance does not know is another
        program's, in its own process: its heartbeat tells.
        """
        by_key = self._found(run_keys, lambda keys: dg.RunsFilter(tags={RUN_KEY: keys}))
        by_id = self._found(run_ids, lambda ids: dg.RunsFilter(run_ids=ids))
        with self._ledger.read() as connection:
            began = attempts.of_runs(connection, [*run_ids, *(run.run_id for run in by_key)])
        known = {run.run_id: _state(run, began.get(run.run_id)) for run in by_id}
        elsewhere = {
            run_id: _state_elsewhere(began[run_id], now())
            for run_id in run_ids
            if run_id not in known and run_id in began
        }
        return {**_newest(by_key, began), **known, **elsewhere}

    def chat_order(self) -> Sequence[str]:
        """Returns the chats as their partitions are ordered: neighbours can be one run's rectangle."""
        return self._instance.get_dynamic_partitions(CHATS.name or "")

    def _found(
        self, wanted: Sequence[str], filter_of: Callable[[list[str]], dg.RunsFilter]
    ) -> list[dg.DagsterRun]:
        found: list[dg.DagsterRun] = []
        for place in range(0, len(wanted), AT_ONCE):
            found += self._instance.get_runs(filters=filter_of(list(wanted[place : place + AT_ONCE])))
        return found


def _newest(runs: Sequence[dg.DagsterRun], began: Mapping[str, Attempt]) -> dict[str, RunState]:
    """Returns the state of each key; of several runs, which stand newest first, the newest counts."""
    states: dict[str, RunState] = {}
    for run in runs:
        states.setdefault(run.tags[RUN_KEY], _state(run, began.get(run.run_id)))
    return states


def _state(run: dg.DagsterRun, attempt: Attempt | None) -> RunState:
    status = _ENDED.get(run.status, RunStatus.ACTIVE)
    silent = attempt is None or attempt.end in {None, "died"}
    return RunState(status, run_id=run.run_id, died=status is RunStatus.FAILED and silent)


def _state_elsewhere(attempt: Attempt, at: float) -> RunState:
    if attempt.ended_at is not None:
        return RunState(RunStatus.FAILED, run_id=attempt.run_id, died=attempt.end == "died")
    if at - attempt.heartbeat_at <= SILENT:
        return RunState(RunStatus.ACTIVE, run_id=attempt.run_id)
    return RunState(RunStatus.FAILED, run_id=attempt.run_id, died=True)
