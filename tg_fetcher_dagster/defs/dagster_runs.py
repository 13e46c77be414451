"""The runs that the reconciler has asked for, as Dagster and the ledger know them; looked up in bulk."""

from collections.abc import Mapping, Sequence
from typing import Final

import dagster as dg

from tg_fetcher_dagster.defs.partitions import CHATS
from tg_fetcher_dagster.defs.running import RUN_KEY
from tg_fetcher_dagster.ledger import attempts
from tg_fetcher_dagster.ledger.attempts import Attempt
from tg_fetcher_dagster.ledger.database import Ledger
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

    def states(self, run_keys: Sequence[str]) -> Mapping[str, RunState]:
        """Returns the state of each run by its key; one query for every 500 of them."""
        runs = [
            run
            for place in range(0, len(run_keys), AT_ONCE)
            for run in self._runs(run_keys[place:][:AT_ONCE])
        ]
        with self._ledger.read() as connection:
            began = attempts.of_runs(connection, [run.run_id for run in runs])
        return states_of(runs, began)

    def chat_order(self) -> Sequence[str]:
        """Returns the chats as their partitions are ordered: neighbours can be one run's rectangle."""
        return self._instance.get_dynamic_partitions(CHATS.name or "")

    def _runs(self, run_keys: Sequence[str]) -> Sequence[dg.DagsterRun]:
        return self._instance.get_runs(filters=dg.RunsFilter(tags={RUN_KEY: list(run_keys)}))


def states_of(runs: Sequence[dg.DagsterRun], began: Mapping[str, Attempt]) -> dict[str, RunState]:
    """Returns the state of each key, of runs that stand newest first.

    Two daemons by mistake make two runs of one key: the one that began counts, for it owns the batch.
    """
    chosen: dict[str, dg.DagsterRun] = {}
    for run in runs:
        key = run.tags[RUN_KEY]
        before = chosen.get(key)
        if before is None or (_has_days(began, run) and not _has_days(began, before)):
            chosen[key] = run
    return {key: _state(run, began.get(run.run_id)) for key, run in chosen.items()}


def _has_days(began: Mapping[str, Attempt], run: dg.DagsterRun) -> bool:
    attempt = began.get(run.run_id)
    return attempt is not None and attempt.batch_id is not None


def _state(run: dg.DagsterRun, attempt: Attempt | None) -> RunState:
    status = _ENDED.get(run.status, RunStatus.ACTIVE)
    silent = attempt is None or attempt.end in {None, "died"}
    return RunState(status, run_id=run.run_id, died=status is RunStatus.FAILED and silent)
