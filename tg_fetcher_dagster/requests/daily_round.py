"""The daily round: yesterday of every chat, and a bounded handful of earlier days that never came to an end.

So a daemon that was down for three weeks catches up by itself, at the lowest priority.
"""

import datetime as dt
from collections.abc import Sequence, Set
from dataclasses import dataclass

from tg_fetcher_dagster.chats.access import ASK_AGAIN_SECONDS
from tg_fetcher_dagster.days import ONE_DAY
from tg_fetcher_dagster.ledger import chats as known_chats
from tg_fetcher_dagster.ledger import day_rounds
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.days import first_days
from tg_fetcher_dagster.requests.asking import NewRequest, RequestSource, ask_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a daily round asked for.

    Attributes:
        days: by chat, ascending.
        left_out: chats that cannot be read and are not due to be asked for again.
    """

    days: dict[str, tuple[dt.date, ...]]
    left_out: tuple[str, ...] = ()


def plan_round(
    ledger: Ledger,
    chats: Sequence[str],
    yesterday: dt.date,
    heal_days: int,
    *,
    now: float,
    history_start: dt.date,
    source: RequestSource = "schedule",
) -> Round:
    """Asks for yesterday and for what is missing before it, chat by chat, in one transaction.

    Twice is as good as once: a day that an earlier round asks for is not asked for again.

    Args:
        ledger: where.
        chats: keys, in the order of partitions; paused ones are the caller's to leave out.
        yesterday: the last whole day.
        heal_days: earlier days at most, a chat; the newest first.
        now: seconds since 1970.
        history_start: the first day that can be fetched.
        source: `heal` where somebody asks for the healing alone.
    """
    with ledger.write() as connection:
        refused = known_chats.refused_chats(connection)
        first = first_days(connection, chats)
        passed = day_rounds.over(connection, chats, history_start, yesterday, moment=now)
        asked = day_rounds.asked_already(connection, chats)
        days: dict[str, tuple[dt.date, ...]] = {}
        left_out: list[str] = []
        for chat in chats:
            wanted = missing_days(
                yesterday,
                first=max(history_start, first.get(chat, yesterday)),
                heal_days=heal_days,
                over=passed.get(chat, frozenset()),
                asked=asked.get(chat, frozenset()),
            )
            if chat in refused:
                # One request a day finds out whether it can be read again.
                wanted = wanted[-1:] if refused[chat].ask_again_at <= now else ()
                if not wanted:
                    left_out.append(chat)
            if wanted:
                days[chat] = wanted
        known_chats.asked_again(
            connection, [chat for chat in days if chat in refused], until=now + ASK_AGAIN_SECONDS
        )
        ask_all(
            connection,
            [
                NewRequest(source=source, days={chat: wanted}, requested_by=source)
                for chat, wanted in days.items()
            ],
            now=now,
        )
    return Round(days=days, left_out=tuple(left_out))


def missing_days(
    yesterday: dt.date,
    *,
    first: dt.date,
    heal_days: int,
    over: Set[dt.date],
    asked: Set[dt.date],
) -> tuple[dt.date, ...]:
    """Returns the days that a round asks for, ascending: yesterday, and the newest that are missing. Pure.

    Args:
        yesterday: asked for unless it is over or asked for already.
        first: the chat's first day; nothing before it is missing.
        heal_days: earlier days at most.
        over: days that are settled or given up.
        asked: days that an earlier round asks for; they count among the earlier days.
    """
    wanted = [] if yesterday in over or yesterday in asked else [yesterday]
    room = heal_days - len({day for day in asked if first <= day < yesterday})
    day = yesterday - ONE_DAY
    while room > 0 and day >= first:
        if day not in over and day not in asked:
            wanted.append(day)
            room -= 1
        day -= ONE_DAY
    return tuple(sorted(wanted))
