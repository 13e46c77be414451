"""What a day of a chat costs, judged by the days that were read. Pure."""

from collections.abc import Collection

from tg_fetcher_dagster.storage.coverage import Coverage

UNKNOWN = 2.0
"""Requests a day of a chat that was never read: one page and its share of comments."""

RECENT = 30
"""Days that the estimate looks back."""


def requests_a_day(covered: Collection[Coverage]) -> float:
    """Returns the mean number of requests that the newest covered days took, at least 0.1.

    Args:
        covered: what is proved of the chat's days, the oldest first.
    """
    recent = list(covered)[-RECENT:]
    if not recent:
        return UNKNOWN
    return max(0.1, sum(coverage.requests for coverage in recent) / len(recent))
