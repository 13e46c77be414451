"""What the reconciler asks of whoever carries runs out: Dagster, or the same process (`fetch --direct`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.requests.retrying import How


class RunStatus(StrEnum):
    """What is known of the run with a certain key."""

    ABSENT = "absent"
    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class RunState:
    """A run's status, and why it failed where the run itself could say so.

    Attributes:
        run_id: Dagster's id, by which a run can be cancelled; None where there is no run.
        died: it failed without a word of its own: its worker was killed.
    """

    status: RunStatus
    error: FetchError | None = None
    run_id: str | None = None
    died: bool = False


class Runs(Protocol):
    """The runs that were asked for, looked up in bulk."""

    def states(self, run_keys: Sequence[str], run_ids: Sequence[str]) -> Mapping[str, RunState]:
        """Returns the state of runs by the key or the id that each is asked for by; two queries at most.

        Args:
            run_keys: of runs that have not registered: a batch's id, or `ResolveRequest.run_key`.
            run_ids: of runs that have (`Batch.run_id`), whoever launched them.

        Returns:
            Those that are not in the answer are ABSENT. A run of another program (`fetch --direct`) is ACTIVE
            while its heartbeat in the ledger is fresh.
        """

    def chat_order(self) -> Sequence[str]:
        """Returns the chats as their partitions are ordered: neighbours can be one run's rectangle."""


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """One run that resolves chats.

    Attributes:
        run_key: names the run.
        spellings: canonical spellings; `parse_spelling` reads them.
    """

    run_key: str
    spellings: tuple[str, ...]


def how_it_ended(state: RunState, *, waited: float, appears_within: float) -> How | None:
    """Returns how a run ended; None where it goes on, or may still appear.

    Args:
        state: what is known of it.
        waited: seconds since it was asked for.
        appears_within: seconds until one that is nowhere counts as never begun.
    """
    match state.status:
        case RunStatus.ACTIVE:
            return None
        case RunStatus.ABSENT:
            return "never_began" if waited > appears_within else None
        case RunStatus.CANCELED:
            return "cancelled"
        case RunStatus.SUCCEEDED:
            return "ended"
        case RunStatus.FAILED:
            return "died" if state.died else "ended"
