"""Which days one run reads: few runs for what is asked, and nothing long before what is urgent."""

import datetime as dt
import random

from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.requests.batching import days_ahead, days_of_run, stretch_around
from tg_fetcher_dagster_tests.requests.office import Office

FIRST = dt.date(2025, 1, 1)


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def test_a_stretch_takes_no_more_runs_than_it_must_whichever_day_is_asked_for_first():
    left = {day(number) for number in range(100)}
    seeds = random.Random(3).sample(sorted(left), 100)
    runs = []
    for seed in seeds:
        if seed in left:
            runs.append(days_of_run(seed, left, left, longest=31, ahead=0))
            left -= set(runs[-1])
    assert sorted(map(len, runs)) == [7, 31, 31, 31]


def test_an_urgent_day_takes_older_days_along_and_only_a_few_newer_ones():
    asked = {day(number) for number in range(31)}
    urgent = {day(10), day(11)}
    assert days_of_run(day(10), asked, urgent, longest=31, ahead=5) == tuple(map(day, range(16)))
    assert days_of_run(day(10), asked, urgent, longest=31, ahead=0) == tuple(map(day, range(12)))


def test_of_a_busy_chat_fewer_days_are_read_before_an_urgent_one():
    assert (days_ahead(0.5), days_ahead(2.0), days_ahead(40.0)) == (60, 15, 0)


@given(
    asked=st.sets(st.integers(0, 90), min_size=1),
    urgent=st.sets(st.integers(0, 90)),
    longest=st.integers(1, 31),
    ahead=st.integers(0, 40),
    data=st.data(),
)
def test_a_run_reads_neighbouring_days_that_are_asked_for_with_the_urgent_one_among_them(
    asked, urgent, longest, ahead, data
):
    seed = data.draw(st.sampled_from(sorted(asked)))
    as_urgent = {day(each) for each in (urgent & asked) | {seed}}
    found = days_of_run(day(seed), {day(each) for each in asked}, as_urgent, longest=longest, ahead=ahead)
    assert day(seed) in found
    assert len(found) <= longest
    assert {(each - FIRST).days for each in found} <= asked
    assert list(found) == [found[0] + dt.timedelta(days=number) for number in range(len(found))]
    _, urgent_until = stretch_around(day(seed), as_urgent)
    assert found[-1] <= max(urgent_until, day(seed + ahead))


def test_chats_take_turns_and_each_keeps_its_order(office: Office):
    office.knows("aaaaa", "bbbbb")
    for number in (1, 5, 9, 13):
        office.push("aaaaa", date=f"2025-10-{number:02}")
    office.push("bbbbb", date="2025-10-20")
    order = []
    while batches := office.tick().start:
        order.append((batches[0].chats[0], batches[0].first.day))
        office.now += 1
        office.carries_out(batches[0])
    assert order == [("aaaaa", 1), ("bbbbb", 20), ("aaaaa", 5), ("aaaaa", 9), ("aaaaa", 13)]
