"""Many commands become few runs: neighbouring days of one chat are one walk over history. Pure.

A run has at most 31 days (one backfill chunk) and about 300 estimated requests, which is some minutes of an
account's pace; what is lost when it dies is one day's reading at most.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from tg_fetcher_dagster.days import ONE_DAY, stretches

MAX_DAYS: Final = 31
MAX_REQUESTS: Final = 300.0
DEFAULT_REQUESTS_A_DAY: Final = 2.0
"""A day of which nothing is known: one page and its share of comments."""

Estimate = Callable[[str, dt.date], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one command wants of one chat."""

    claim_id: str
    command_id: str
    correlation_id: str
    chat_key: str
    days: tuple[dt.date, ...] = ()
    today: dt.date | None = None
    force: bool = False
    limit: int | None = None
    strategy: Literal["batch", "per_day"] = "batch"
    requested_by: str = "unknown"
    requested_at: dt.datetime | None = None


class AskedDays(BaseModel):
    """The neighbouring days of a batch that one command asked for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    claim_id: str
    command_id: str
    correlation_id: str
    first: dt.date
    last: dt.date
    requested_by: str = "unknown"
    requested_at: AwareDatetime | None = None


class Batch(BaseModel):
    """Neighbouring days of one chat that one run fetches.

    Attributes:
        batch_id: the request's id in every event, the same for all attempts.
        today: the day is the unfinished one (asset `messages_today`).
        attempt: counts the runs; part of the run's key, since a failed run's key is never asked again.
        losses: how many runs died without a word on some day.
        delays: how many times a flood was waited for.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    batch_id: str
    chat_key: str
    first: dt.date
    last: dt.date
    today: bool = False
    force: bool = False
    limit: int | None = None
    strategy: Literal["batch", "per_day"] = "batch"
    asked: tuple[AskedDays, ...]
    attempt: int = 1
    losses: int = 0
    delays: int = 0

    @property
    def run_key(self) -> str:
        """Names this attempt's run."""
        return f"{self.batch_id}-{self.attempt}"

    @property
    def days(self) -> tuple[dt.date, ...]:
        """The days to fetch, ascending."""
        return tuple(self.first + ONE_DAY * number for number in range((self.last - self.first).days + 1))

    @property
    def claim_ids(self) -> tuple[str, ...]:
        """The claims that wait for this batch."""
        return tuple(dict.fromkeys(each.claim_id for each in self.asked))

    @property
    def command_ids(self) -> tuple[str, ...]:
        """The commands that this batch answers."""
        return tuple(dict.fromkeys(each.command_id for each in self.asked))

    @property
    def correlation_id(self) -> str:
        """The first command's: one line of log belongs to one correlation."""
        return self.asked[0].correlation_id

    def asked_on(self, day: dt.date) -> tuple[AskedDays, ...]:
        """Returns who asked for a day."""
        return tuple(each for each in self.asked if each.first <= day <= each.last)


def plan(
    asks: Sequence[Ask],
    *,
    estimate: Estimate = lambda _chat, _day: DEFAULT_REQUESTS_A_DAY,
    max_days: int = MAX_DAYS,
    max_requests: float = MAX_REQUESTS,
) -> list[Batch]:
    """Returns the batches that answer all asks, in the order of the asks.

    Only asks with the same `force` and `limit` are merged. `per_day` is honoured up to `max_days` days,
    unless other asks touch the same stretch of days.

    Args:
        asks: what is wanted; the same asks give the same batches, ids included.
        estimate: how many requests a day of a chat may cost.
        max_days: days of a batch.
        max_requests: estimated requests of a batch; a single day may cost more.
    """
    groups: dict[tuple[str, bool, int | None], list[Ask]] = {}
    for ask in asks:
        groups.setdefault((ask.chat_key, ask.force, ask.limit), []).append(ask)
    batches = []
    for group in groups.values():
        for stretch in stretches(day for ask in group for day in ask.days):
            wanting = [ask for ask in group if set(ask.days) & set(stretch)]
            alone = wanting[0] if len(wanting) == 1 else None
            if alone and alone.strategy == "per_day" and len(alone.days) <= max_days:
                batches += [_batch(wanting, (day,), strategy="per_day") for day in stretch]
            else:
                batches += [
                    _batch(wanting, days)
                    for days in _cut(
                        stretch,
                        cost=partial(estimate, group[0].chat_key),
                        max_days=max_days,
                        max_requests=max_requests,
                    )
                ]
        for unfinished in sorted({ask.today for ask in group if ask.today}):
            batches.append(
                _batch([ask for ask in group if ask.today == unfinished], (unfinished,), today=True)
            )
    return batches


def _cut(
    days: tuple[dt.date, ...],
    *,
    cost: Callable[[dt.date], float],
    max_days: int,
    max_requests: float,
) -> Iterator[tuple[dt.date, ...]]:
    """Yields the pieces of a stretch that one run each can bear."""
    piece: list[dt.date] = []
    spent = 0.0
    for day in days:
        price = cost(day)
        if piece and (len(piece) >= max_days or spent + price > max_requests):
            yield tuple(piece)
            piece, spent = [], 0.0
        piece.append(day)
        spent += price
    if piece:
        yield tuple(piece)


def _batch(
    asks: Sequence[Ask],
    days: tuple[dt.date, ...],
    *,
    today: bool = False,
    strategy: Literal["batch", "per_day"] = "batch",
) -> Batch:
    asked = tuple(
        AskedDays(
            claim_id=ask.claim_id,
            command_id=ask.command_id,
            correlation_id=ask.correlation_id,
            first=wanted[0],
            last=wanted[-1],
            requested_by=ask.requested_by,
            requested_at=ask.requested_at,
        )
        for ask in asks
        for wanted in stretches(days if today else set(ask.days) & set(days))
    )
    one = asks[0]
    claims = sorted({each.claim_id for each in asked})
    named = "|".join((*claims, one.chat_key, str(days[0]), str(days[-1]), str((today, one.force, one.limit))))
    return Batch(
        batch_id=f"fetch-{hashlib.sha256(named.encode()).hexdigest()[:20]}",
        chat_key=one.chat_key,
        first=days[0],
        last=days[-1],
        today=today,
        force=one.force,
        limit=one.limit,
        strategy=strategy,
        asked=asked,
    )
