"""Which runs a process that carries out its own commands decides on."""

from collections.abc import Callable, Mapping, Sequence

from tg_fetcher_dagster.requests.runs import Runs, RunState, RunStatus


class OwnRuns:
    """The runs that these commands wait for as they are; all others go on, as far as this process goes."""

    def __init__(self, runs: Runs, awaited: Callable[[], frozenset[str]]) -> None:
        self._runs = runs
        self._awaited = awaited

    def states(self, run_keys: Sequence[str], run_ids: Sequence[str]) -> Mapping[str, RunState]:
        """Returns the state of each run; of those that others wait for nothing is decided here."""
        awaited = self._awaited()
        others = {key: RunState(RunStatus.ACTIVE) for key in run_keys if key not in awaited}
        return {**others, **self._runs.states([key for key in run_keys if key in awaited], run_ids)}

    def chat_order(self) -> Sequence[str]:
        """Returns the chats as their partitions are ordered."""
        return self._runs.chat_order()
