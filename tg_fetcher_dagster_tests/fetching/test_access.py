"""Silence that is none: groups that went on elsewhere, that keep the account out, or that hide their past."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tg_fetcher_dagster_tests.fetching.odd import Start
from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between

DAYS = days_between("2025-11-05", "2025-11-08")
NOON = int(datetime(2025, 11, 8, 12, tzinfo=UTC).timestamp())


def world(**chat: Any) -> dict[str, Any]:
    return {
        "days": {"from": "2025-11-05", "to": "2025-11-07"},
        "chats": {"club": {"messages_per_day": 12, "members": 5, **chat}},
    }


def true_ids(telegram: Fetching, name: str, day: str) -> list[int]:
    found = telegram.truth()[name]["days"].get(day, {"messages": []})
    return [told["id"] for told in found["messages"]]


def kept_ids(telegram: Fetching, key: str, day: Any) -> list[int]:
    return [each["id"] for each in telegram.day(key, day)["messages"]]


async def test_a_group_that_the_account_was_removed_from_is_no_access_and_not_silence(
    fetching: Start,
) -> None:
    telegram = fetching(world(type="group"))
    key = await telegram.resolve(str(telegram.truth()["club"]["marked_id"]))
    telegram.sandbox.world.keep_out("club")

    reports = await telegram.fetch(key, DAYS)

    assert {report.outcome for report in reports} == {"failed"}
    assert {str(report.error.error_type) for report in reports if report.error} == {"no_access"}


async def test_a_group_that_the_account_has_left_is_no_access(fetching: Start) -> None:
    telegram = fetching(world(type="group"))
    key = await telegram.resolve(str(telegram.truth()["club"]["marked_id"]))

    def left(answer: Any, _request: Any) -> Any:
        for chat in answer.chats:
            chat.left = True
        answer.messages = []
        return answer

    telegram.sandbox.rewrite("messages.getHistory", left)

    reports = await telegram.fetch(key, DAYS)

    assert {str(report.error.error_type) for report in reports if report.error} == {"no_access"}


async def test_a_group_that_became_a_supergroup_goes_on_under_its_key(fetching: Start) -> None:
    telegram = fetching(world(type="group"))
    key = await telegram.resolve(str(telegram.truth()["club"]["marked_id"]))
    await telegram.fetch(key, DAYS[:1])
    name = telegram.sandbox.world.migrate("club", at=NOON)
    member = telegram.sandbox.world.people.crowd[0].id
    telegram.sandbox.world.post(name, at=NOON + 60, sender=member, text="after the move")

    reports = await telegram.fetch(key, DAYS[1:], request_id="fetch-2")

    assert [report.outcome for report in reports] == ["fetched"] * 3
    assert kept_ids(telegram, key, DAYS[0]) == true_ids(telegram, "club", "2025-11-05")
    assert kept_ids(telegram, key, DAYS[1]) == true_ids(telegram, "club", "2025-11-06")
    assert kept_ids(telegram, key, DAYS[3]) == [
        *true_ids(telegram, name, "2025-11-08"),
        *true_ids(telegram, "club", "2025-11-08"),
    ]
    identity = telegram.context.identities.get(key)
    assert identity is not None
    assert identity.marked_id == telegram.truth()[name]["marked_id"]
    assert identity.type == "supergroup"
    assert all(not report.coverage.lost for report in reports if report.coverage)


async def test_a_migrated_group_asks_no_more_of_the_old_one_than_it_must(fetching: Start) -> None:
    telegram = fetching(world(type="group"))
    key = await telegram.resolve(str(telegram.truth()["club"]["marked_id"]))
    name = telegram.sandbox.world.migrate("club", at=NOON)
    await telegram.fetch(key, DAYS[3:])
    later = datetime.fromtimestamp(NOON, UTC) + timedelta(days=1)
    member = telegram.sandbox.world.people.crowd[0].id
    for second in range(30):
        telegram.sandbox.world.post(name, at=int(later.timestamp()) + second, sender=member, text="on")
    telegram.sandbox.clear_requests()

    await telegram.fetch(key, days_between("2025-11-09", "2025-11-09"), request_id="fetch-2")

    assert telegram.sandbox.count("messages.getHistory") == 1


@pytest.mark.parametrize("known_before", [True, False])
async def test_a_hidden_history_is_not_readable_and_becomes_so_when_it_is_opened(
    fetching: Start, *, known_before: bool
) -> None:
    telegram = fetching(
        world(type="supergroup", username="club_group", hidden_before="2025-11-07", mix={"gaps": 0})
    )
    key = await telegram.resolve("club_group")
    telegram.details_seen(key, forgotten=not known_before)
    telegram.sandbox.clear_requests()

    reports = await telegram.fetch(key, DAYS)

    outcomes = {report.day.day: report.outcome for report in reports}
    assert outcomes == {5: "failed", 6: "failed", 7: "fetched", 8: "fetched"}
    refusals = {str(report.error.error_type) for report in reports if report.error}
    assert refusals == {"no_access"}
    assert telegram.sandbox.count("channels.getFullChannel") == (0 if known_before else 1)
    assert [loss.last_id for loss in telegram.coverage(key, DAYS[2]).lost] == [24]

    telegram.sandbox.clear_requests()
    again = await telegram.fetch(key, DAYS[:2], request_id="fetch-2")
    assert [str(report.error.error_type) for report in again if report.error] == ["no_access"] * 2
    assert telegram.sandbox.requests == []

    telegram.sandbox.world.show_history("club")
    later = telegram.a_day_later()
    opened = await later.fetch(key, DAYS[:3], request_id="fetch-3")

    assert [report.outcome for report in opened] == ["fetched", "fetched", "unchanged"]
    assert telegram.coverage(key, DAYS[2]).lost == ()
    for day in DAYS[:3]:
        assert kept_ids(telegram, key, day) == true_ids(telegram, "club", day.isoformat())


async def test_an_empty_day_of_a_chat_that_can_be_read_is_final(fetching: Start) -> None:
    telegram = fetching(world(type="group"))
    key = await telegram.resolve(str(telegram.truth()["club"]["marked_id"]))

    reports = await telegram.fetch(key, DAYS[3:])

    assert [(report.outcome, report.coverage and report.coverage.final) for report in reports] == [
        ("fetched", True)
    ]


async def test_a_forced_fetch_looks_at_once_whether_a_hidden_history_was_opened(fetching: Start) -> None:
    telegram = fetching(
        world(type="supergroup", username="club_group", hidden_before="2025-11-07", mix={"gaps": 0})
    )
    key = await telegram.resolve("club_group")
    telegram.details_seen(key, forgotten=True)
    await telegram.fetch(key, DAYS)
    telegram.sandbox.world.show_history("club")

    opened = await telegram.fetch(key, DAYS[:1], request_id="fetch-2", force=True)

    assert [report.outcome for report in opened] == ["fetched"]
    assert kept_ids(telegram, key, DAYS[0]) == true_ids(telegram, "club", "2025-11-05")


async def test_a_chat_that_refuses_leaves_the_daily_round_and_comes_back_when_it_answers(
    fetching: Start,
) -> None:
    telegram = fetching(world(type="channel"))
    key = await telegram.resolve(str(telegram.truth()["club"]["marked_id"]))
    await telegram.fetch(key, DAYS[:1])
    assert telegram.refusal(key) is None
    telegram.sandbox.clear_requests()
    telegram.sandbox.add_fault(method="messages.getHistory", error="CHANNEL_PRIVATE", code=400)

    await telegram.fetch(key, DAYS[1:], request_id="fetch-2")

    refusal = telegram.refusal(key)
    assert refusal is not None
    assert refusal.error_type == "no_access"
    assert telegram.sandbox.count("messages.getHistory") == 1, "three days cost the request that is refused"
    telegram.sandbox.clear_faults()
    await telegram.fetch(key, DAYS[1:2], request_id="fetch-3")
    assert telegram.refusal(key) is None


async def test_trouble_of_the_network_is_no_refusal(fetching: Start) -> None:
    telegram = fetching(world(type="channel"), flood_wait_in_run=1)
    key = await telegram.resolve(str(telegram.truth()["club"]["marked_id"]))
    telegram.sandbox.add_fault(method="messages.getHistory", flood_wait=600)
    [report] = await telegram.fetch(key, DAYS[:1])
    assert report.outcome == "failed"
    assert telegram.refusal(key) is None
