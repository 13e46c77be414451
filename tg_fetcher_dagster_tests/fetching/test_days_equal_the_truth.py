"""A fetched day equals what the sandbox says is true, message for message, for every kind of chat."""

from collections.abc import Callable
from typing import Any

import pytest

from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between
from tg_fetcher_dagster_tests.sandbox.worlds import EVERY_KIND

DAYS = days_between("2025-11-04", "2025-11-08")


def _shown(message: dict[str, Any]) -> dict[str, Any]:
    """What a day file and the truth both say of a message."""
    return {
        "id": message["id"],
        "date": message["date"],
        "text": message["text"] or "",
        "sender_id": message["sender_id"],
    }


@pytest.mark.parametrize("name", ["news", "busy", "forum", "family", "talk", "quiet"])
async def test_every_day_of_a_chat_equals_the_truth(fetching: Callable[..., Fetching], name: str) -> None:
    telegram = fetching(EVERY_KIND)
    truth = telegram.truth()[name]
    key = await telegram.resolve(str(truth["marked_id"]) if not truth["username"] else truth["username"])

    reports = await telegram.fetch(key, DAYS)

    assert key == truth["key"]
    assert [report.outcome for report in reports] == ["fetched"] * len(DAYS)
    for day in DAYS:
        kept = telegram.day(key, day)
        told = truth["days"].get(day.isoformat(), {"messages": []})["messages"]
        assert [_shown(message) for message in kept["messages"]] == [_shown(message) for message in told]
        for message, true in zip(kept["messages"], told, strict=True):
            assert kept["senders"][str(message["sender_id"])] == (true["sender_name"] or "Deleted Account")
            if "comments" in true:
                assert [_shown(comment) for comment in message.get("comments", [])] == [
                    _shown(comment) for comment in true["comments"]
                ]
