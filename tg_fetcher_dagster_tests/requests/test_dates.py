import datetime as dt
import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.days import ONE_DAY, stretches
from tg_fetcher_dagster.requests.command import parse_command
from tg_fetcher_dagster.requests.dates import Expansion, expand

TODAY = dt.date(2025, 11, 14)
START = dt.date(2025, 1, 1)
DAYS = st.dates(dt.date(2024, 11, 1), dt.date(2026, 2, 1))


def expanded(
    *, today=TODAY, history_start=START, first_message=None, final_days=(), first_fetched=None, **values
):
    raw = json.dumps({"command": "fetch", "chat": "@ru_python", **values}, default=str)
    return expand(
        parse_command(raw, made_up_id="claim-1"),
        today=today,
        history_start=history_start,
        first_message=first_message,
        final_days=frozenset(final_days),
        first_fetched=first_fetched,
    )


def november(*days):
    return tuple(dt.date(2025, 11, day) for day in days)


def test_each_mode_means_its_days():
    assert expanded(mode="date", date="2025-11-07").days == november(7)
    assert expanded(mode="yesterday").days == november(13)
    assert expanded(mode="days", days=3).days == november(11, 12, 13)
    assert expanded(mode="range", **{"from": "2025-11-01", "to": "2025-11-03"}).days == november(1, 2, 3)


def test_today_is_the_unfinished_day_however_it_is_asked_for():
    assert expanded(mode="today") == Expansion(today=TODAY)
    assert expanded(mode="date", date=TODAY) == Expansion(today=TODAY)
    both = expanded(mode="range", **{"from": "2025-11-13", "to": "2025-11-14"})
    assert (both.days, both.today) == (november(13), TODAY)


def test_days_before_the_history_and_after_today_are_refused_with_the_reason():
    expansion = expanded(history_start=dt.date(2025, 11, 13), **{"from": "2025-11-12", "to": "2025-11-15"})
    assert (expansion.days, expansion.today) == (november(13), TODAY)
    assert [(each.day.day, each.reason) for each in expansion.refused] == [
        (12, "is before HISTORY_START 2025-11-13"),
        (15, "has not begun (today is 2025-11-14)"),
    ]
    assert expansion.refusal is None


def test_a_command_whose_days_are_all_refused_is_refused():
    refusal = expanded(mode="date", date="2025-11-15").refusal
    assert refusal is not None
    assert str(refusal) == "2025-11-15 has not begun (today is 2025-11-14)"
    many = expanded(**{"from": "2024-12-01", "to": "2024-12-31"}).refusal
    assert many is not None
    assert "(and 30 more, to 2024-12-31)" in str(many)


def test_full_goes_from_the_first_message_to_yesterday():
    full = expanded(mode="full", first_message=dt.date(2025, 11, 11))
    assert (full.days, full.notes) == (november(11, 12, 13), ())


def test_full_starts_at_the_history_at_the_earliest_and_says_so():
    for first_message in (dt.date(2015, 1, 1), None):
        full = expanded(mode="full", first_message=first_message, history_start=dt.date(2025, 11, 12))
        assert full.days == november(12, 13)
        assert "HISTORY_START 2025-11-12" in full.notes[0]
        assert not full.refused


def test_a_chat_that_began_today_has_nothing_to_fetch_and_says_so():
    full = expanded(mode="full", first_message=TODAY)
    assert full.days == ()
    assert full.notes
    assert full.refusal is None


def test_incremental_fetches_every_day_that_is_not_final():
    gaps = expanded(mode="incremental", first_fetched=dt.date(2025, 11, 9), final_days=november(9, 11, 13))
    assert gaps.days == november(10, 12)


def test_incremental_of_a_chat_never_fetched_starts_with_yesterday():
    fresh = expanded(mode="incremental")
    assert fresh.days == november(13)
    assert fresh.notes


def test_incremental_with_nothing_left_says_so():
    done = expanded(mode="incremental", first_fetched=dt.date(2025, 11, 12), final_days=november(12, 13))
    assert (done.days, done.notes) == ((), ("every day to yesterday is complete",))


@given(DAYS, DAYS, st.dates(dt.date(2025, 10, 1), dt.date(2025, 12, 1)))
def test_every_day_of_a_range_is_planned_or_today_or_refused_exactly_once(one, other, today):
    first, last = min(one, other), max(one, other)
    expansion = expanded(today=today, **{"from": first, "to": last})
    told = [*expansion.days, *filter(None, [expansion.today]), *(each.day for each in expansion.refused)]
    assert sorted(told) == [first + ONE_DAY * number for number in range((last - first).days + 1)]
    assert all(START <= day < today for day in expansion.days)


@given(st.integers(1, 365), st.dates(dt.date(2026, 2, 1), dt.date(2026, 12, 1)))
def test_the_last_whole_days_end_with_yesterday(count, today):
    expansion = expanded(mode="days", days=count, today=today)
    assert len(expansion.days) + len(expansion.refused) == count
    assert expansion.days[-1] == today - ONE_DAY
    assert expansion.today is None


@given(st.frozensets(DAYS, max_size=60), DAYS)
def test_incremental_and_the_final_days_make_up_the_whole(final_days, first_fetched):
    expansion = expanded(mode="incremental", first_fetched=first_fetched, final_days=final_days)
    assert not final_days & set(expansion.days)
    start = max(START, first_fetched)
    whole = {start + ONE_DAY * number for number in range((TODAY - start).days)}
    assert whole - final_days == set(expansion.days)


@given(st.lists(DAYS, max_size=80))
def test_stretches_hold_every_day_once_and_never_touch(days):
    groups = stretches(days)
    assert [day for group in groups for day in group] == sorted(set(days))
    assert all(later[0] - earlier[-1] > ONE_DAY for earlier, later in itertools.pairwise(groups))
