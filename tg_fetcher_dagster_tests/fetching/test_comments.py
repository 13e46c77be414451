"""Comments that are counted and not given are told, never taken for no comments."""

from typing import Any

import pytest
from telethon.tl import types

from tg_fetcher_dagster_tests.fetching.odd import Start
from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between

DAY = days_between("2025-11-07", "2025-11-07")


def channel(comments: int) -> dict[str, Any]:
    return {
        "days": {"from": "2025-11-07", "to": "2025-11-07"},
        "chats": {
            "news": {
                "type": "channel",
                "username": "comment_news",
                "messages_per_day": 1,
                "mix": {"service": 0, "gaps": 0},
                "comments": {"share": 1, "exactly": comments},
                "discussion": {"messages_per_day": 0},
            }
        },
    }


async def post_of(telegram: Fetching) -> tuple[dict[str, Any], tuple[Any, ...]]:
    key = await telegram.resolve("comment_news")
    reports = await telegram.fetch(key, DAY)
    assert reports[0].coverage is not None, reports[0].error
    posts = [each for each in telegram.day(key, DAY[0])["messages"] if "comments_count" in each]
    return posts[0], reports[0].coverage.lost


def without_messages(answer: Any, _request: Any) -> Any:
    answer.messages = []
    return answer


@pytest.mark.parametrize("count", [7, 0])
async def test_a_thread_that_gives_nothing_of_what_is_counted_has_no_empty_list(
    fetching: Start, count: int
) -> None:
    telegram = fetching(channel(7))

    def nothing(answer: Any, _request: Any) -> Any:
        answer.messages, answer.count = [], count
        return answer

    telegram.sandbox.rewrite("messages.getReplies", nothing)

    post, lost = await post_of(telegram)

    assert "comments" not in post
    assert post["comments_count"] == 7
    assert post["comments_unavailable"] == "the post counts 7 and Telegram gave none"
    assert [loss.count for loss in lost] == [7]
    assert telegram.sandbox.count("messages.getReplies") == 2


async def test_an_answer_that_is_empty_once_is_asked_for_again(fetching: Start) -> None:
    telegram = fetching(channel(7))
    telegram.sandbox.rewrite("messages.getReplies", without_messages, times=1)

    post, lost = await post_of(telegram)

    assert len(post["comments"]) == 7
    assert lost == ()


async def test_comments_beyond_the_limit_are_a_loss_with_the_total(fetching: Start) -> None:
    telegram = fetching(channel(120), comments_limit_per_message=50)

    post, lost = await post_of(telegram)

    assert len(post["comments"]) == 50
    assert [(loss.what, loss.why, loss.count) for loss in lost] == [
        (f"70 of 120 comments of post {post['id']}", "COMMENTS_LIMIT_PER_MESSAGE=50", 70)
    ]


async def test_a_thread_that_ends_before_its_count_is_a_loss(fetching: Start) -> None:
    telegram = fetching(channel(120), comments_limit_per_message=500)

    def nothing_below(answer: Any, request: Any) -> Any:
        if request.offset_id:
            answer.messages = []
        return answer

    telegram.sandbox.rewrite("messages.getReplies", nothing_below)

    post, lost = await post_of(telegram)

    assert len(post["comments"]) == 100
    assert [(loss.what, loss.count) for loss in lost] == [(f"20 of 120 comments of post {post['id']}", 20)]


async def test_a_post_without_comments_costs_no_request(fetching: Start) -> None:
    telegram = fetching(channel(0))
    post, lost = await post_of(telegram)
    assert post["comments"] == []
    assert lost == ()
    assert telegram.sandbox.count("messages.getReplies") == 0
    assert types.Message
