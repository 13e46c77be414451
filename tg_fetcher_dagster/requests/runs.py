"""What the reconciler asks of whoever carries runs out: Dagster, or the same process (`fetch --direct`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tg_fetcher_dagster.errors import FetchError


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

    def states(self, run_keys: Sequence[str]) -> Mapping[str, RunState]:
        """Returns the state of each run by its key (a batch's id, or `ResolveRequest.run_key`); one query.

        A key that is not in the answer is ABSENT.
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
