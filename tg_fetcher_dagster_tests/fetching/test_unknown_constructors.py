"""A constructor that this version does not know costs its message, or ends the chat with nothing final."""

from typing import Any

import pytest

from tg_fetcher_dagster_tests.fetching.odd import (
    NAME,
    USERNAME,
    Start,
    at,
    kept_ids,
    many,
    odd_group,
    true_days,
)
from tg_fetcher_dagster_tests.fetching.reading import days_between
from tg_fetcher_sandbox.exact_messages import Exact
from tg_fetcher_sandbox.history import Wire

DAYS = days_between("2025-11-06", "2025-11-07")
UNKNOWN = b"\xef\xbe\xad\xde" + bytes(12)


@pytest.mark.parametrize("number", [200, 151, 150, 101, 100, 1])
async def test_one_unknown_message_costs_itself_and_is_named(fetching: Start, number: int) -> None:
    telegram = await odd_group(fetching, [*many(6, 100), *many(7, 100)])
    day = 7 if number > 100 else 6
    telegram.sandbox.put(NAME, Exact(number=number, at=int(at(day).timestamp()), body=UNKNOWN))
    telegram.sandbox.clear_requests()

    reports = await telegram.fetch(USERNAME, DAYS)

    true = true_days(telegram)
    assert [report.outcome for report in reports] == ["fetched"] * 2, [report.error for report in reports]
    for each in DAYS:
        wanted = [message for message in true[each.isoformat()] if message != number]
        assert kept_ids(telegram, each) == wanted
    losses = [loss for report in reports if report.coverage for loss in report.coverage.lost]
    assert [(loss.first_id, loss.last_id, loss.count) for loss in losses] == [(number, number, 1)]
    assert telegram.sandbox.count("messages.getHistory") <= 2 + 3 * 15


async def test_unknown_messages_far_from_each_other_are_each_a_loss(fetching: Start) -> None:
    telegram = await odd_group(fetching, [*many(6, 100), *many(7, 100)])
    for number in (180, 90):
        telegram.sandbox.put(NAME, Exact(number=number, at=int(at(7).timestamp()), body=UNKNOWN))

    reports = await telegram.fetch(USERNAME, DAYS)

    losses = [loss for report in reports if report.coverage for loss in report.coverage.lost]
    assert sorted(loss.first_id or 0 for loss in losses) == [90, 180]


async def test_an_unknown_constructor_that_rides_in_the_chats_ends_the_chat_with_nothing_final(
    fetching: Start,
) -> None:
    telegram = await odd_group(fetching, [*many(6, 100), *many(7, 100)])

    def stranger(answer: Any, _request: Any) -> Any:
        answer.chats.append(Wire(UNKNOWN))
        return answer

    telegram.sandbox.rewrite("messages.getHistory", stranger)
    telegram.sandbox.clear_requests()

    reports = await telegram.fetch(USERNAME, DAYS)

    assert [report.outcome for report in reports] == ["failed"] * 2
    assert {str(report.error.error_type) for report in reports if report.error} == {"internal"}
    assert telegram.sandbox.count("messages.getHistory") <= 16
