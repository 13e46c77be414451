"""What pages say of the list is evidence for a day's wholeness and against it."""

from collections.abc import Callable
from typing import Any

import pytest

from tg_fetcher_dagster_tests.fetching.odd import (
    NAME,
    USERNAME,
    Start,
    kept_ids,
    many,
    odd_group,
    true_days,
)
from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between

DAYS = days_between("2025-11-05", "2025-11-07")
THREE_DAYS = [*many(5, 150), *many(6, 150), *many(7, 150)]


async def all_is_there(telegram: Fetching) -> None:
    reports = await telegram.fetch(USERNAME, DAYS)
    true = true_days(telegram)
    assert [report.outcome for report in reports] == ["fetched"] * len(DAYS), [
        report.error for report in reports
    ]
    assert [kept_ids(telegram, day) for day in DAYS] == [true[day.isoformat()] for day in DAYS]
    assert all(report.coverage and report.coverage.final for report in reports)


def counting(count: int | None, *, offset: bool = True) -> Callable[[Any, Any], Any]:
    """Lets answers count otherwise, or leave out how many messages stand above them."""

    def change(answer: Any, _request: Any) -> Any:
        if count is not None:
            answer.count = count
        if not offset:
            answer.offset_id_offset = None
        return answer

    return change


@pytest.mark.parametrize("short", [50, 100])
@pytest.mark.parametrize("count", [1, 50, 120, 449, 451, 10_000])
@pytest.mark.parametrize("offset", [True, False])
async def test_a_count_that_is_wrong_ends_no_walk_and_refuses_none(
    fetching: Start, *, count: int, short: int, offset: bool
) -> None:
    telegram = await odd_group(fetching, THREE_DAYS)
    telegram.sandbox.add_fault(method="messages.getHistory", short_page=short)
    telegram.sandbox.rewrite("messages.getHistory", counting(count, offset=offset))
    await all_is_there(telegram)


def lacking(places: slice) -> Callable[[Any, Any], Any]:
    """Drops messages of a page, as a server does that lost them on the way."""

    def change(answer: Any, _request: Any) -> Any:
        del answer.messages[places]
        return answer

    return change


LACKING = [
    (times, page, places)
    for times in (1, None)
    for page in (0, 1, 2, 3)
    for places in (slice(0, 1), slice(30, 90), slice(40, 99), slice(99, 100))
    # The newest message of all can only be missed by its number.
    if (times, page, places) != (None, 0, slice(0, 1))
]


@pytest.mark.parametrize(("times", "page", "places"), LACKING)
async def test_a_page_that_lacks_messages_is_noticed_and_mended(
    fetching: Start, *, page: int, places: slice, times: int | None
) -> None:
    telegram = await odd_group(fetching, THREE_DAYS)
    telegram.sandbox.rewrite("messages.getHistory", lacking(places), after=page, times=times)
    await all_is_there(telegram)


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("offset", [True, False])
async def test_an_empty_page_in_the_middle_is_asked_for_again(
    fetching: Start, *, after: int, offset: bool
) -> None:
    telegram = await odd_group(fetching, THREE_DAYS)
    telegram.sandbox.add_fault(method="messages.getHistory", empty_page=True, after=after, times=1)
    if not offset:
        telegram.sandbox.rewrite("messages.getHistory", counting(None, offset=False))
    await all_is_there(telegram)


async def test_pages_that_stay_empty_in_the_middle_make_nothing_final(fetching: Start) -> None:
    telegram = await odd_group(fetching, THREE_DAYS)

    def empty_below_a_while(answer: Any, request: Any) -> Any:
        if request.offset_id and request.limit > 1:
            answer.messages, answer.count, answer.offset_id_offset = [], 90, None
        return answer

    telegram.sandbox.rewrite("messages.getHistory", empty_below_a_while)

    reports = await telegram.fetch(USERNAME, DAYS)

    failed = {report.day.day: report.error for report in reports if report.outcome == "failed"}
    assert set(failed) == {5, 6, 7}
    assert "there is an older message (number 1)" in str(failed[5])


async def test_what_stays_missing_in_a_chat_without_numbers_of_its_own_is_named(
    fetching: Start,
) -> None:
    scenario = {
        "days": {"from": "2025-11-05", "to": "2025-11-07"},
        "chats": {"family": {"type": "group", "messages_per_day": 150}},
    }
    telegram = fetching(scenario)
    key = await telegram.resolve(str(telegram.truth()["family"]["marked_id"]))
    hidden = {told["id"] for told in telegram.truth()["family"]["days"]["2025-11-06"]["messages"][60:64]}

    def without(answer: Any, _request: Any) -> Any:
        answer.messages = [each for each in answer.messages if each.id not in hidden]
        return answer

    telegram.sandbox.rewrite("messages.getHistory", without)

    reports = await telegram.fetch(key, DAYS)

    lost = {report.day.day: report.coverage.lost for report in reports if report.coverage}
    assert lost[5] == lost[7] == ()
    assert [loss.count for loss in lost[6]] == [4]
    assert all(loss.first_id <= number <= loss.last_id for loss in lost[6] for number in hidden)


async def test_an_empty_answer_that_does_not_name_the_chat_is_no_proof(fetching: Start) -> None:
    telegram = await odd_group(fetching, THREE_DAYS)

    def silent(answer: Any, _request: Any) -> Any:
        answer.messages, answer.chats, answer.count = [], [], 0
        return answer

    telegram.sandbox.rewrite("messages.getHistory", silent)

    reports = await telegram.fetch(USERNAME, DAYS)

    assert {report.outcome for report in reports} == {"failed"}
    assert {str(report.error.error_type) for report in reports if report.error} == {"network"}


async def test_a_message_that_is_deleted_between_two_pages_is_no_hole(fetching: Start) -> None:
    telegram = await odd_group(fetching, THREE_DAYS)
    world = telegram.sandbox.world

    def delete_one(answer: Any, _request: Any) -> Any:
        world.delete(NAME, 120)
        return answer

    telegram.sandbox.rewrite("messages.getHistory", delete_one, times=1)
    await all_is_there(telegram)
