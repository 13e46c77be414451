"""A supergroup's days from before its migration say what they miss."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from tg_fetcher_dagster.commands.identity import ChatIdentity
from tg_fetcher_dagster.fetching.losses import before_migration
from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between
from tg_fetcher_dagster_tests.sandbox.worlds import EVERY_KIND

DAY = date(2025, 11, 7)


def group(*, migrated_from: int | None = 77, first: date | None = DAY) -> ChatIdentity:
    return ChatIdentity(
        key="forum",
        marked_id=-1000000000042,
        type="supergroup",
        title="Forum",
        username="forum",
        aliases=("forum",),
        migrated_from_chat_id=migrated_from,
        first_message_date=first,
        added_at=datetime(2025, 11, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("day", "newest_id", "oldest_id", "lost"),
    [
        (date(2025, 11, 6), None, None, True),
        (date(2025, 11, 6), 0, None, True),
        (DAY, 20, 1, True),
        (date(2025, 11, 8), 40, 21, False),
        (date(2025, 11, 9), 40, None, False),
    ],
)
def test_days_up_to_the_migration_name_the_chat_that_has_the_rest(
    day: date, newest_id: int | None, oldest_id: int | None, lost: bool
) -> None:
    loss = before_migration(group(), day, newest_id=newest_id, oldest_id=oldest_id)
    assert (loss is not None) == lost
    if loss is not None:
        assert loss.what == "messages before the group became a supergroup"
        assert loss.why == "they belong to chat_77: fetch that chat"


def test_without_a_first_day_the_ids_decide() -> None:
    assert before_migration(group(first=None), DAY, newest_id=20, oldest_id=1)
    assert before_migration(group(first=None), DAY, newest_id=0, oldest_id=None)
    assert before_migration(group(first=None), DAY, newest_id=20, oldest_id=5) is None
    assert before_migration(group(first=None), DAY, newest_id=20, oldest_id=None) is None


def test_an_empty_day_that_nothing_decides_says_that_something_may_be_missing() -> None:
    loss = before_migration(group(first=None), DAY, newest_id=None, oldest_id=None)
    assert loss is not None
    assert loss.what.endswith("if it was later")


def test_a_group_that_never_migrated_misses_nothing() -> None:
    assert before_migration(group(migrated_from=None), date(2025, 11, 1), newest_id=0, oldest_id=None) is None


@pytest.mark.parametrize("first_is_known", [True, False])
async def test_a_walk_over_the_migration_tells_what_its_days_miss(
    fetching: Callable[..., Fetching], first_is_known: bool
) -> None:
    telegram = fetching(EVERY_KIND)
    truth = telegram.truth()["forum"]
    key = await telegram.resolve(str(truth["marked_id"]))
    first = min(day for day, told in truth["days"].items() if told["messages"])
    identities = telegram.workshop.identities
    seen = identities.get(key)
    assert seen is not None
    if first_is_known:
        identities.record(seen.model_copy(update={"first_message_date": date.fromisoformat(first)}))

    reports = await telegram.fetch(key, days_between("2025-11-01", "2025-11-07"))

    lost = {report.day.isoformat(): report.coverage.lost for report in reports if report.coverage}
    assert [day for day, losses in lost.items() if losses] == [day for day in lost if day <= first]
    what = "messages before the group became a supergroup"
    for losses in lost.values():
        for loss in losses:
            assert loss.what in ({what} if first_is_known else {what, f"{what}, if it was later"})
            assert loss.why == f"they belong to chat_{seen.migrated_from_chat_id}: fetch that chat"
