"""One chat's days, as `status` shows them. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from tg_fetcher_dagster.chats.access import Refusal
from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.cli.overview import ChatOverview
from tg_fetcher_dagster.ledger.overview import NO_SUMS, Sums


@dataclass(frozen=True, kw_only=True)
class KnownDays:
    """What the ledger knows of a chat's days.

    Attributes:
        sums: of its days.
        first: the first day of which anything is known, be it that it was asked for.
        last_settled: the newest day that needs nothing.
        settled_in_span: days that need nothing, from HISTORY_START to yesterday.
        asked: days that are asked for and have not ended.
        given_up: days that nobody asks for by himself.
        doubted: days that are not believed.
    """

    sums: Sums = NO_SUMS
    first: date | None = None
    last_settled: date | None = None
    settled_in_span: int = 0
    asked: int = 0
    given_up: int = 0
    doubted: tuple[date, ...] = ()

    def missing(self, span: tuple[date, date]) -> int:
        """Returns how many days of HISTORY_START..yesterday are not done, from the first one on."""
        if self.first is None:
            return 0
        return max(0, (span[1] - max(span[0], self.first)).days + 1 - self.settled_in_span)

    def rank(self, span: tuple[date, date]) -> tuple[bool, int, int]:
        """Returns what sorts those that lack most to the head, as `status_lines.in_trouble_first` does."""
        return not self.doubted, -self.given_up, -self.missing(span)


NO_DAYS = KnownDays()


def chat_overview(
    key: str,
    identity: ChatIdentity | None,
    known: KnownDays,
    *,
    span: tuple[date, date],
    done: Collection[str] | None = None,
    refused: Refusal | None = None,
) -> ChatOverview:
    """Returns one chat's days.

    Args:
        key: the chat's.
        identity: None where only its days are left.
        known: of its days.
        span: HISTORY_START and yesterday.
        done: the days that need nothing, as `2025-11-07`; None where nobody asks which are missing.
        refused: why it cannot be read.
    """
    missing = known.missing(span)
    gaps = []
    if missing and done is not None and known.first is not None:
        gaps = _gaps(max(span[0], known.first), span[1], frozenset(done))
    paused = identity is not None and identity.paused
    fetched_at = known.sums.fetched_at
    return ChatOverview(
        chat=key,
        title=identity.title if identity else "",
        state="forgotten" if identity is None else "refused" if refused else "paused" if paused else "kept",
        days_done=known.sums.settled,
        days_asked=known.asked,
        days_given_up=known.given_up,
        days_missing=missing,
        missing=gaps,
        doubted=list(known.doubted),
        first_day=known.first,
        last_day=known.last_settled,
        message_count=known.sums.messages,
        last_fetch=datetime.fromtimestamp(fetched_at, UTC) if fetched_at else None,
        refused=refused,
    )


def _gaps(first: date, last: date, done: frozenset[str]) -> list[tuple[str, str]]:
    """Returns the runs of days of `first..last` that are not done, the newest first."""
    gaps: list[tuple[str, str]] = []
    begin = 0
    # Texts and whole numbers: there may be some hundred thousand days.
    for number in range(first.toordinal(), last.toordinal() + 2):
        if number <= last.toordinal() and _written(number) not in done:
            begin = begin or number
        elif begin:
            gaps.append((_written(begin), _written(number - 1)))
            begin = 0
    return gaps[::-1]


@cache
def _written(number: int) -> str:
    return date.fromordinal(number).isoformat()
