"""Empty pages that contradict Telegram's own count are a failure, never days on which nobody wrote."""

from collections.abc import Callable

import pytest

from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between

SCENARIO = {
    "days": {"from": "2025-11-03", "to": "2025-11-05"},
    "chats": {"busy": {"type": "supergroup", "username": "busy_pages", "messages_per_day": 80}},
}


@pytest.mark.parametrize("after", [0, 2])
async def test_pages_that_stay_empty_fail_the_days_that_they_hide(
    fetching: Callable[..., Fetching], after: int
) -> None:
    telegram = fetching(SCENARIO)
    key = await telegram.resolve("busy_pages")
    telegram.sandbox.add_fault(method="messages.getHistory", empty_page=True, after=after)

    reports = await telegram.fetch(key, days_between("2025-11-03", "2025-11-05"))

    failed = [report for report in reports if report.outcome == "failed"]
    assert failed
    assert {str(report.error.error_type) for report in failed if report.error} == {"network"}
    for report in reports:
        if report.coverage is not None:
            assert report.coverage.message_count == 80


async def test_one_empty_page_costs_one_more_request_and_no_message(
    fetching: Callable[..., Fetching],
) -> None:
    telegram = fetching(SCENARIO)
    key = await telegram.resolve("busy_pages")
    telegram.sandbox.add_fault(method="messages.getHistory", empty_page=True, after=1, times=1)

    reports = await telegram.fetch(key, days_between("2025-11-03", "2025-11-05"))

    assert [report.coverage.message_count for report in reports if report.coverage] == [80, 80, 80]
