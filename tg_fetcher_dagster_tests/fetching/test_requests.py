"""What a fetch costs, counted in the sandbox's own request log."""

from collections.abc import Callable
from typing import Any

import pytest

from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between
from tg_fetcher_sandbox.background import RunningSandbox

Start = Callable[..., Fetching]


def world(messages_per_day: int, first: str, last: str) -> dict[str, Any]:
    return {
        "seed": 5,
        "days": {"from": first, "to": last},
        "accounts": [{"name": "main", "phone": "+15550001001"}],
        "chats": {
            "busy": {
                "type": "supergroup",
                "username": "count_busy",
                "messages_per_day": messages_per_day,
                "members": 20,
            }
        },
    }


def history_requests(sandbox: RunningSandbox) -> int:
    return sandbox.count("messages.getHistory")


@pytest.mark.parametrize(
    ("messages", "days", "requests"),
    [
        (450, ("2025-11-07", "2025-11-07"), 5),
        (5, ("2025-11-01", "2025-11-30"), 2),
        (0, ("2025-11-01", "2025-11-30"), 1),
    ],
)
async def test_a_range_costs_one_request_for_a_hundred_messages_and_one_more(
    fetching: Start, messages: int, days: tuple[str, str], requests: int
) -> None:
    telegram = fetching(world(messages, "2025-10-31", "2025-11-30"))
    key = await telegram.resolve("count_busy")
    telegram.sandbox.clear_requests()

    reports = await telegram.fetch(key, days_between(*days))

    assert history_requests(telegram.sandbox) == requests
    assert sum(report.requests for report in reports) == requests
    assert {report.coverage.message_count for report in reports if report.coverage} == {messages}


async def test_days_that_are_complete_cost_no_request_and_no_connection(fetching: Start) -> None:
    telegram = fetching(world(3, "2025-11-01", "2025-11-05"))
    key = await telegram.resolve("count_busy")
    days = days_between("2025-11-01", "2025-11-05")
    await telegram.fetch(key, days)
    telegram.sandbox.clear_requests()

    again = await telegram.fetch(key, days, request_id="fetch-2")

    assert [report.outcome for report in again] == ["skipped"] * 5
    assert telegram.sandbox.requests == []


async def test_only_the_days_that_are_missing_are_walked_over(fetching: Start) -> None:
    telegram = fetching(world(40, "2025-11-01", "2025-11-09"))
    key = await telegram.resolve("count_busy")
    await telegram.fetch(key, days_between("2025-11-04", "2025-11-06"))
    telegram.sandbox.clear_requests()

    reports = await telegram.fetch(key, days_between("2025-11-01", "2025-11-09"), request_id="fetch-2")

    assert [report.outcome for report in reports] == ["fetched"] * 3 + ["skipped"] * 3 + ["fetched"] * 3
    # Two walks of 120 messages, one on either side of what was there.
    assert history_requests(telegram.sandbox) == 4
