"""Days that requests want, and what is known of them: complete, being read, answered a moment ago."""

import datetime as dt
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from tg_fetcher_dagster.ledger import planning
from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.planning import Answered, ChatDay, InFlight, SameAsk
from tg_fetcher_dagster.requests.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The days of one request.

    Attributes:
        seq: the request's place in the order of asking.
        days: by chat key; the unfinished day may be among them.
        look: answer at once what is complete; False where the run itself tells that.
    """

    request_id: str
    seq: int
    days: Mapping[str, Sequence[dt.date]]
    priority: int
    correlation_id: str
    command_id: str | None = None
    force: bool = False
    limit: int | None = None
    strategy: Literal["batch", "per_day"] = "batch"
    look: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the days that are asked for, by chat and day.

    Attributes:
        answered: by chat, day and limit; who is answered now is there for those behind him.
    """

    settled: Mapping[ChatDay, str | None]
    in_flight: Mapping[ChatDay, InFlight]
    answered: dict[SameAsk, Answered]


def days_without_file(
    ledger: Ledger, wanted: Sequence[Wanted], *, rules: Rules, now: float
) -> frozenset[ChatDay]:
    """Returns the days that are done and have lost their files: a run makes them again.

    Files are looked at here and not in the transaction that plans, for whose end others wait. A day that is
    done only since then has its file.
    """
    if rules.store is None:
        return frozenset()
    with ledger.read() as connection:
        settled, answered = _done(connection, wanted, rules=rules, now=now)
    done = {*settled, *(key[:2] for key in answered)}
    return frozenset(key for key in done if not rules.has_file(*key))


def known_of(
    connection: Connection,
    wanted: Sequence[Wanted],
    *,
    without_file: AbstractSet[ChatDay],
    rules: Rules,
    now: float,
) -> Known:
    """Returns what is known of the days that requests want; those without a file are not done."""
    chats = sorted({chat for each in wanted for chat in each.days})
    settled, answered = _done(connection, wanted, rules=rules, now=now)
    return Known(
        {key: checksum for key, checksum in settled.items() if key not in without_file},
        planning.in_flight(connection, chats) if chats else {},
        {key: before for key, before in answered.items() if key[:2] not in without_file},
    )


def _done(
    connection: Connection, wanted: Sequence[Wanted], *, rules: Rules, now: float
) -> tuple[dict[ChatDay, str | None], dict[SameAsk, Answered]]:
    """The days that are complete, with their checksums, and the asks that were answered a moment ago."""
    looked = [each for each in wanted if each.look and not each.force]
    asked = {(chat, day) for each in looked for chat, days in each.days.items() for day in days}
    if not asked:
        return {}, {}
    chats = sorted({chat for chat, _ in asked})
    first, last = min(day for _, day in asked), max(day for _, day in asked)
    settled = planning.settled(connection, chats, first, last, now=now)
    answered: dict[SameAsk, Answered] = {}
    if window := rules.duplicate_seconds:
        # What ended after now ended before somebody put the clock back; hosts' clocks differ a little.
        since, until = now - window, now + window
        answered = planning.answered_between(connection, chats, first, last, since=since, until=until)
    return (
        {key: checksum for key, checksum in settled.items() if key in asked},
        {key: before for key, before in answered.items() if key[:2] in asked},
    )
