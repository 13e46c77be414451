"""Ids and dates that disagree: each message that a walk meets lands in its own day."""

from datetime import date

import pytest
from telethon.tl import types

from tg_fetcher_dagster.storage.stragglers import Stragglers
from tg_fetcher_dagster_tests.fetching.odd import (
    NAME,
    USERNAME,
    Start,
    at,
    kept_ids,
    many,
    message,
    odd_group,
    put,
    true_days,
)
from tg_fetcher_dagster_tests.fetching.reading import days_between

DAYS = days_between("2025-11-05", "2025-11-07")


def swapped(moments, place, moment):
    """The moments with another one at a place counted from the newest, 1 being that."""
    changed = list(moments)
    changed[-place] = moment
    return changed


@pytest.mark.parametrize("moment", [0, at(3), at(1), at(6, "23:59:59"), at(6, "10:00:00"), at(9)])
@pytest.mark.parametrize("place", [100, 91, 90, 99, 101])
async def test_one_message_out_of_order_ends_no_walk(fetching: Start, moment, place) -> None:
    order = [*many(5, 50), *many(6, 50), *many(7, 160)]
    telegram = await odd_group(fetching, swapped(order, place, moment))
    true = true_days(telegram)

    reports = await telegram.fetch(USERNAME, DAYS)

    assert {report.day.isoformat(): kept_ids(telegram, report.day) for report in reports} == {
        day.isoformat(): true[day.isoformat()] for day in DAYS
    }
    assert all(report.coverage and report.coverage.final for report in reports)


async def test_a_message_without_a_date_is_named_where_it_stands_and_kept(fetching: Start) -> None:
    telegram = await odd_group(fetching, swapped([*many(6, 50), *many(7, 160)], 100, 0))

    reports = await telegram.fetch(USERNAME, DAYS[1:])

    lost = {report.day.day: report.coverage.lost for report in reports if report.coverage}
    assert [(loss.what, loss.first_id) for loss in lost[7]] == [("message 111", 111)]
    assert lost[6] == ()
    kept = Stragglers.of(telegram.context.store, USERNAME).read(date(1970, 1, 1))
    assert [line["value"]["id"] for line in kept if line["kind"] == "message"] == [111]


@pytest.mark.parametrize("short", [None, 7, 1])
@pytest.mark.parametrize("newest", [40, 99, 100, 101, 110])
async def test_seconds_around_midnight_may_stand_in_any_order(
    fetching: Start, newest: int, short: int | None
) -> None:
    around = [
        at(7, "00:00:00"),
        at(6, "23:59:59"),
        at(7, "00:00:01"),
        at(6, "23:59:58"),
        at(6, "23:59:59"),
        at(7, "00:00:00"),
    ]
    telegram = await odd_group(
        fetching, [*many(5, 20), *many(6, 30), *around, *many(7, newest), *many(8, 15)]
    )
    if short:
        telegram.sandbox.add_fault(method="messages.getHistory", short_page=short)
    true = true_days(telegram)

    for day in (DAYS[2], DAYS[1], DAYS[0]):
        await telegram.fetch(USERNAME, [day], request_id=f"fetch-{day}")

    assert [kept_ids(telegram, day) for day in DAYS] == [true[day.isoformat()] for day in DAYS]


async def test_a_day_that_is_done_is_opened_again_for_a_message_that_comes_late_under_a_new_id(
    fetching: Start,
) -> None:
    telegram = await odd_group(fetching, [*many(5, 20), *many(6, 30)])
    await telegram.fetch(USERNAME, DAYS[:2])
    put(telegram, [*many(7, 12), at(5, "09:00:00"), *many(7, 3)], first_id=51)

    await telegram.fetch(USERNAME, [DAYS[2]], request_id="fetch-2")

    assert kept_ids(telegram, DAYS[0]) == true_days(telegram)["2025-11-05"]
    told = [event for event in telegram.events() if event["event"] == "messages_fetched"]
    assert [(event["date"], event["message_count"]) for event in told] == [
        ("2025-11-06", 30),
        ("2025-11-05", 20),
        ("2025-11-07", 15),
        ("2025-11-05", 21),
    ]


@pytest.mark.parametrize("again", [DAYS[:1], DAYS])
async def test_what_came_late_stays_when_its_day_is_read_again(fetching: Start, again) -> None:
    telegram = await odd_group(fetching, [*many(5, 20), *many(6, 30)])
    await telegram.fetch(USERNAME, DAYS[:2])
    put(telegram, [*many(7, 12), at(5, "09:00:00"), *many(7, 3)], first_id=51)
    await telegram.fetch(USERNAME, [DAYS[2]], request_id="fetch-2")

    for number in (3, 4):
        reports = await telegram.fetch(USERNAME, again, request_id=f"fetch-{number}", force=True)

        assert {report.outcome for report in reports} == {"unchanged"}
        assert kept_ids(telegram, DAYS[0]) == true_days(telegram)["2025-11-05"]


async def test_a_message_of_a_day_that_nobody_has_read_waits_for_it(fetching: Start) -> None:
    order = [*many(3, 150), *many(7, 12), at(3, "09:00:00"), *many(7, 3)]
    telegram = await odd_group(fetching, order)
    await telegram.fetch(USERNAME, [DAYS[2]])

    day = date(2025, 11, 3)
    await telegram.fetch(USERNAME, [day], request_id="fetch-2")

    assert kept_ids(telegram, day) == true_days(telegram)["2025-11-03"]
    assert Stragglers.of(telegram.context.store, USERNAME).days() == []


async def test_a_range_that_meets_messages_of_closed_days_opens_them_again(fetching: Start) -> None:
    late = [at(7, "08:00:00"), at(7, "08:00:01")]
    telegram = await odd_group(fetching, [*many(5, 130), *late, *many(6, 150), *many(7, 150)])

    await telegram.fetch(USERNAME, DAYS)

    true = true_days(telegram)
    assert [kept_ids(telegram, day) for day in DAYS] == [true[day.isoformat()] for day in DAYS]


async def test_many_imported_messages_do_not_hide_what_is_below_them(fetching: Start) -> None:
    telegram = await odd_group(fetching, [*many(6, 130), *many(7, 150), *many(7, 20)])
    origin = types.MessageFwdHeader(date=at(2), from_name="Old Friend", imported=True)
    old = [message(telegram, 131 + place, at(2), fwd_from=origin) for place in range(150)]
    telegram.sandbox.put(NAME, *old)

    await telegram.fetch(USERNAME, days_between("2025-11-06", "2025-11-07"))

    true = true_days(telegram)
    assert kept_ids(telegram, DAYS[2]) == true["2025-11-07"]
    assert kept_ids(telegram, DAYS[1]) == true["2025-11-06"]


async def test_order_costs_nothing_more(fetching: Start) -> None:
    telegram = await odd_group(fetching, [*many(5, 50), *many(6, 80), *many(7, 50)])
    telegram.sandbox.clear_requests()
    await telegram.fetch(USERNAME, [DAYS[1]])
    assert telegram.sandbox.count("messages.getHistory") == 1
