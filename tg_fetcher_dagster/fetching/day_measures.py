"""What is counted of a day of a chat, from what is known of it when its fetch ends. Pure.

Whoever ends a day writes this in the transaction in which it ends; what a dead process has left on its way
carries a `Fetching` in its intent, and is counted by whoever brings it to its end.
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.fetching.request import FetchRequest
from tg_fetcher_dagster.ledger.measures import Measure
from tg_fetcher_dagster.metrics.counted import (
    COMMENTS,
    ERRORS,
    FETCH_DURATION,
    FETCHES,
    HOP_SECONDS,
    LOSSES,
    MESSAGES,
)
from tg_fetcher_dagster.requests.retrying import passes
from tg_fetcher_dagster.storage.coverage import Coverage, Loss

Status = Literal["fetched", "unchanged", "skipped", "failed", "waits"]


class Fetching(BaseModel):
    """On whose behalf a day is fetched, as far as it is measured.

    Attributes:
        request_id: the batch.
        mode: one of `metrics.counted.MODES`.
        began_at: when its run began (seconds since 1970).
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    request_id: str
    mode: str
    began_at: float

    @classmethod
    def of(cls, request: FetchRequest) -> "Fetching":
        """Returns what is measured of a request's days."""
        return cls(request_id=request.request_id, mode=mode_of(request), began_at=request.began_at)


def mode_of(request: FetchRequest) -> str:
    """Returns what a run was asked of a chat, in the words of `metrics.counted.MODES`."""
    if request.limit is not None:
        return "limited"
    if request.today:
        return "today"
    return "day" if len(request.days) == 1 else "range"


def measures_of_day(
    fetching: Fetching, chat: str, *, status: Status, seconds: float, now: float
) -> list[Measure]:
    """Returns what is counted of every day that ends.

    Args:
        fetching: on whose behalf.
        chat: its key.
        status: how it ended.
        seconds: that the day itself took.
        now: when it ended (seconds since 1970).
    """
    return [
        Measure(FETCHES, (status,)),
        Measure(FETCH_DURATION, (chat, fetching.mode, status), seconds),
        Measure(HOP_SECONDS, ("fetch",), now - fetching.began_at),
    ]


def measures_of_reading(coverage: Coverage) -> list[Measure]:
    """Returns what is counted of a day that was read."""
    chat = coverage.chat
    return [
        Measure(MESSAGES, (chat,), coverage.message_count),
        Measure(COMMENTS, (chat,), coverage.comment_count),
        *_losses(chat, coverage.lost),
    ]


def measures_of_failure(
    fetching: Fetching, chat: str, error: FetchError, *, seconds: float, now: float
) -> list[Measure]:
    """Returns what is counted of a day that failed, or that a passing state puts off."""
    status: Status = "waits" if passes(error, known_end=_has_an_end(error)) else "failed"
    of_day = measures_of_day(fetching, chat, status=status, seconds=seconds, now=now)
    return [*of_day, Measure(ERRORS, (error.error_type.value,))]


def _has_an_end(error: FetchError) -> bool:
    return bool(error.retry_at or error.retry_after)


def _losses(chat: str, lost: Iterable[Loss]) -> list[Measure]:
    return [Measure(LOSSES, (chat, kind_of(loss)), loss.count or 1) for loss in lost]


def kind_of(loss: Loss) -> str:
    """Returns what sort of thing is missing, in the words of `metrics.counted.LOSS_KINDS`."""
    if loss.what.startswith("words "):
        return "words"
    return "comments" if "comment" in loss.what else "messages"
