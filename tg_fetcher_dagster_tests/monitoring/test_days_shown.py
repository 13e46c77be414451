"""What is missing, overdue and lagging of each chat, by the counts of its days."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.ledger.monitored_days import ChatDays
from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.metrics.kinds import Metric
from tg_fetcher_dagster.monitoring.days_shown import KnownDays, Spans, day_gauges, newest_success, spans

ZONE = ZoneInfo("UTC")
NOW = datetime(2025, 11, 12, 10, 0, tzinfo=UTC)


def at(now: datetime = NOW, *, heal_days: int = 3, deadline_hours: float = 6) -> Spans:
    return spans(
        now,
        zone=ZONE,
        history_start=date(2025, 11, 1),
        heal_days=heal_days,
        deadline_hours=deadline_hours,
    )


def counted(first: int, newest: int | None, *, settled: int, of_late: int = 0) -> ChatDays:
    return ChatDays(
        first=date(2025, 11, first),
        newest_final=date(2025, 11, newest) if newest is not None else None,
        settled=settled,
        settled_of_late=of_late,
        fetched_at=1_000.0 + first,
        messages=1,
    )


def values(known: KnownDays, metric: Metric, *, other: bool = False) -> dict[str, float]:
    gauges = day_gauges(known, at(), zone=ZONE, now=NOW, chat_name=(lambda _: "other") if other else str)
    return {each.labels[0]: each.value for each in gauges if each.metric == metric}


def test_the_days_of_the_daily_round_are_due_when_their_deadline_has_passed() -> None:
    due = date(2025, 11, 8), date(2025, 11, 11)
    assert at().due == due
    before = datetime(2025, 11, 12, 5, 59, tzinfo=UTC)
    assert at(before).due == (due[0], date(2025, 11, 10))
    assert at(heal_days=0).due == (date(2025, 11, 11), date(2025, 11, 11))
    assert at(heal_days=300).due[0] == date(2025, 11, 1)


def test_a_day_is_missing_from_the_chats_first_one_to_yesterday() -> None:
    known = KnownDays(
        chats={"whole": "read", "behind": "read", "new": "read", "never": "read"},
        days={"whole": counted(9, 11, settled=3, of_late=3), "behind": counted(2, 5, settled=4)},
        first_asked={"behind": date(2025, 10, 20), "new": date(2025, 11, 10)},
    )
    assert values(known, shown.MISSING) == {"whole": 0, "behind": 7, "new": 2, "never": 0}
    assert values(known, shown.OVERDUE) == {"whole": 0, "behind": 4, "new": 2, "never": 0}
    # To the end of the newest final day, else to the beginning of the first one.
    hours = {key: value / 3600 for key, value in values(known, shown.LAG).items()}
    assert hours == {"whole": 10, "behind": 6 * 24 + 10, "new": 2 * 24 + 10}


@pytest.mark.parametrize(
    ("state", "excused", "overdue"), [("read", 0, 3), ("read", 2, 1), ("paused", 0, 0), ("refused", 0, 0)]
)
def test_what_is_nobodys_delay_is_not_overdue(state: str, excused: int, overdue: int) -> None:
    known = KnownDays(chats={"a": state}, days={"a": counted(9, None, settled=0)}, excused={"a": excused})
    assert values(known, shown.OVERDUE) == {"a": overdue}
    assert values(known, shown.MISSING) == {"a": 3}


def test_chats_that_are_shown_as_one_are_their_sum_and_the_worst_of_them() -> None:
    known = KnownDays(
        chats={"a": "read", "b": "read"},
        days={"a": counted(9, 11, settled=3, of_late=3), "b": counted(2, 5, settled=4)},
        losses={"a": 1, "b": 2},
    )
    assert values(known, shown.MISSING, other=True) == {"other": 6}
    assert values(known, shown.DAYS_WITH_LOSSES, other=True) == {"other": 3}
    assert values(known, shown.LAST_SUCCESS, other=True) == {"other": 1_002.0}
    assert values(known, shown.LAG, other=True) == {"other": (6 * 24 + 10) * 3600}


def test_a_chat_that_was_removed_is_not_shown_and_its_last_success_still_counts() -> None:
    known = KnownDays(days={"gone": counted(9, 11, settled=3)})
    assert values(known, shown.MISSING) == {}
    assert newest_success(known) == 1_009.0
    assert newest_success(KnownDays()) == 0.0


@given(st.integers(1, 11), st.integers(0, 11), st.integers(0, 4), st.integers(0, 20))
def test_no_number_of_days_is_negative(first: int, settled: int, of_late: int, excused: int) -> None:
    known = KnownDays(
        chats={"a": "read"},
        days={"a": counted(first, None, settled=settled, of_late=of_late)},
        excused={"a": excused},
    )
    for metric in (shown.MISSING, shown.OVERDUE, shown.LAG):
        assert values(known, metric)["a"] >= 0
