"""What a supergroup was before its migration is read too, or its days say why they lack it."""

from collections.abc import Callable
from typing import Any

import pytest

from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between
from tg_fetcher_dagster_tests.sandbox.worlds import EVERY_KIND

DAYS = days_between("2025-11-01", "2025-11-07")


def true_ids(telegram: Fetching, *names: str) -> dict[str, list[int]]:
    """The ids of each day, of the chats one after the other, newest first."""
    found: dict[str, list[int]] = {day.isoformat(): [] for day in DAYS}
    for name in names:
        for day, told in telegram.truth()[name]["days"].items():
            found[day] += [message["id"] for message in told["messages"]]
    return found


def kept_ids(telegram: Fetching, key: str) -> dict[str, list[int]]:
    return {
        day.isoformat(): [message["id"] for message in telegram.day(key, day)["messages"]] for day in DAYS
    }


async def test_the_days_before_a_migration_are_read_from_the_basic_group(
    fetching: Callable[..., Fetching],
) -> None:
    telegram = fetching(EVERY_KIND)
    key = await telegram.resolve(str(telegram.truth()["forum"]["marked_id"]))

    reports = await telegram.fetch(key, DAYS)

    assert [(report.outcome, report.coverage and report.coverage.lost) for report in reports] == [
        ("fetched", ())
    ] * len(DAYS)
    assert kept_ids(telegram, key) == true_ids(telegram, "forum", "forum_before")


async def test_a_basic_group_that_is_kept_as_a_chat_of_its_own_is_named_instead(
    fetching: Callable[..., Fetching],
) -> None:
    telegram = fetching(EVERY_KIND)
    key = await telegram.resolve(str(telegram.truth()["forum"]["marked_id"]))
    own = telegram.truth()["forum_before"]["key"]
    seen = telegram.context.identities.get(key)
    assert seen is not None
    group = seen.model_copy(
        update={
            "key": own,
            "marked_id": telegram.truth()["forum_before"]["marked_id"],
            "type": "group",
            "aliases": (),
            "migrated_from_chat_id": None,
        }
    )
    identities = telegram.context.identities
    # Both were known before the group's past was told: neither key is given up.
    identities.remove(key)
    identities.record(seen.model_copy(update={"migrated_from_chat_id": None}))
    identities.record(group)
    identities.record(seen)

    reports = await telegram.fetch(key, DAYS)

    first = min(telegram.truth()["forum"]["days"])
    lost: dict[str, Any] = {
        report.day.isoformat(): report.coverage.lost for report in reports if report.coverage
    }
    assert [day for day, losses in lost.items() if losses] == [day for day in lost if day <= first]
    for losses in lost.values():
        for loss in losses:
            assert loss.what == "messages before the group became a supergroup"
            assert loss.why == f"they belong to {own}: fetch that chat"


async def test_a_basic_group_that_cannot_be_read_is_a_loss_and_not_a_silence(
    fetching: Callable[..., Fetching],
) -> None:
    telegram = fetching(EVERY_KIND)
    key = await telegram.resolve(str(telegram.truth()["forum"]["marked_id"]))
    telegram.sandbox.add_fault(
        method="messages.getHistory",
        chat=telegram.truth()["forum_before"]["marked_id"],
        error="PEER_ID_INVALID",
    )

    reports = await telegram.fetch(key, DAYS)

    first = min(telegram.truth()["forum"]["days"])
    for report in reports:
        assert report.coverage is not None
        assert bool(report.coverage.lost) == (report.day.isoformat() <= first)


@pytest.mark.parametrize("comments", [50, 0])
async def test_comments_that_are_not_wanted_are_no_loss(
    fetching: Callable[..., Fetching], comments: int
) -> None:
    telegram = fetching(EVERY_KIND, comments_limit_per_message=comments)
    key = await telegram.resolve("Sandbox_News")

    reports = await telegram.fetch(key, days_between("2025-11-07", "2025-11-07"))

    assert [report.coverage.lost for report in reports if report.coverage] == [()]
