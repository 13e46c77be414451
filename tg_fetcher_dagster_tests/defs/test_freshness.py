"""Each chat says whether it is up to date, without a run: what is missing, since when, why, what to do."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
import time_machine

from tg_fetcher_dagster.chats.access import note_access
from tg_fetcher_dagster.defs.freshness import current, yesterday_is_done
from tg_fetcher_dagster.defs.sensors.freshness import freshness_sensor
from tg_fetcher_dagster.errors import WHAT_TO_DO, ErrorType, FetchError
from tg_fetcher_dagster.ledger import days
from tg_fetcher_dagster.requests.asking import NewRequest, ask
from tg_fetcher_dagster.requests.freshness import Freshness
from tg_fetcher_dagster_tests.defs.deployment import Deployment

DEADLINE = datetime(2025, 11, 8, 6, tzinfo=UTC)
"""From when on 2025-11-07 should be done."""

CHATS = dg.AssetKey("chats")


@pytest.fixture(autouse=True)
def noon() -> Iterator[time_machine.Traveller]:
    """It is after the deadline of 2025-11-07."""
    with time_machine.travel(datetime(2025, 11, 8, 12, tzinfo=UTC), tick=False) as traveller:
        yield traveller


def done(deployment: Deployment, chat: str, *numbers: int, **facts: Any) -> None:
    """Days of November that are done."""
    with deployment.ledger.write() as connection:
        for number in numbers:
            days.put(connection, chat, date(2025, 11, number), {"settled": True, "fetched_at": 1.0, **facts})


def seen(deployment: Deployment) -> dict[str, Freshness]:
    return {each.chat: each for each in current(deployment.settings)}


def test_a_chat_whose_days_are_all_done_is_fresh(deployment: Deployment) -> None:
    deployment.know("quiet_chat")
    done(deployment, "quiet_chat", 4, 5, 6, 7)
    chat = seen(deployment)["quiet_chat"]
    assert (chat.state, chat.is_well, chat.missing) == ("fresh", True, ())
    assert chat.sentence == "done up to 2025-11-07"


def test_yesterday_is_missed_only_after_its_deadline(deployment: Deployment) -> None:
    deployment.know("news_chat")
    done(deployment, "news_chat", 5, 6)
    with time_machine.travel(DEADLINE.replace(hour=5, minute=59), tick=False):
        assert seen(deployment)["news_chat"].state == "fresh"
    with time_machine.travel(DEADLINE, tick=False):
        chat = seen(deployment)["news_chat"]
    assert (chat.state, chat.missing) == ("late", (date(2025, 11, 7),))
    assert chat.sentence.startswith("1 day not done since 2025-11-07; nobody has asked for it. What to do: ")


def test_two_days_of_silence_are_worse_than_one_and_earlier_holes_are_counted(deployment: Deployment) -> None:
    deployment.know("news_chat")
    deployment.know("holes_chat")
    done(deployment, "news_chat", 4, 5)
    done(deployment, "holes_chat", 1, 3, 5, 6, 7)
    found = seen(deployment)
    assert [each.chat for each in current(deployment.settings)] == ["news_chat", "holes_chat"]
    assert found["news_chat"].state == "stale"
    assert found["holes_chat"].state == "late"
    assert found["holes_chat"].missing == (date(2025, 11, 2), date(2025, 11, 4))
    assert found["holes_chat"].sentence.startswith("2 days not done since 2025-11-02..2025-11-04; ")


def test_what_a_day_waits_for_is_why(deployment: Deployment) -> None:
    deployment.know("news_chat")
    done(deployment, "news_chat", 6)
    asked = NewRequest(source="schedule", days={"news_chat": (date(2025, 11, 7),)})
    at = DEADLINE.timestamp()
    with deployment.ledger.write() as connection:
        ask(connection, asked, now=at - 3600)
        connection.execute(
            sa.text("UPDATE asks SET error_type='auth', error='the session has ended', wait_until=:until"),
            {"until": at + 86_400},
        )
    assert seen(deployment)["news_chat"].sentence == (
        "1 day not done since 2025-11-07; waits until 2025-11-09 06:00 UTC: the session has ended."
        f" What to do: {WHAT_TO_DO[ErrorType.AUTH]}"
    )


def test_a_day_that_was_asked_for_a_short_while_ago_is_nobodys_delay(deployment: Deployment) -> None:
    deployment.know("news_chat")
    done(deployment, "news_chat", 7)
    with deployment.ledger.write() as connection:
        asked = NewRequest(
            source="redis", days={"news_chat": tuple(date(2025, 11, day) for day in (4, 5, 6))}
        )
        ask(connection, asked, now=DEADLINE.timestamp())
        days.put(connection, "news_chat", date(2025, 11, 4), {"settled": False})
    assert seen(deployment)["news_chat"].state == "late"  # asked for before 06:00, 12:00 is it now
    with time_machine.travel(DEADLINE.replace(hour=11), tick=False):
        assert seen(deployment)["news_chat"].state == "fresh"


def test_a_day_that_was_given_up_says_why(deployment: Deployment) -> None:
    deployment.know("news_chat")
    done(deployment, "news_chat", 6)
    failed = {"error_type": "internal", "error": "a strange answer", "given_up_at": 1.0, "settled": False}
    done(deployment, "news_chat", 7, **failed)
    said = seen(deployment)["news_chat"].sentence
    assert "; given up: a strange answer. What to do: " in said
    assert said.endswith("; then tg-fetcher heal")


def test_a_chat_that_cannot_be_read_a_paused_one_and_a_new_one(deployment: Deployment) -> None:
    deployment.know("closed_chat")
    deployment.know("paused_chat", paused=True)
    deployment.know("new_chat", added_at="2025-11-08T09:00:00Z")
    note_access(deployment.ledger, "closed_chat", FetchError(ErrorType.NO_ACCESS, "it is private"))
    done(deployment, "closed_chat", 6)
    found = seen(deployment)
    assert {chat: each.state for chat, each in found.items()} == {
        "closed_chat": "refused", "paused_chat": "paused", "new_chat": "fresh",
    }  # fmt: skip
    assert (
        "no access since 2025-11-08: it is private. What to do: join the chat"
        in found["closed_chat"].sentence
    )
    assert found["paused_chat"].is_well


def tick(deployment: Deployment, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    """One tick of the sensor; its results reach the instance as the daemon brings them there."""
    with dg.build_sensor_context(instance=deployment.instance, cursor=cursor) as context:
        result = freshness_sensor(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    if isinstance(result, dg.SensorResult):
        for event in result.asset_events:
            deployment.instance.report_runless_asset_event(event)
    return result


def test_the_sensor_tells_the_result_when_it_changes_and_not_else(deployment: Deployment) -> None:
    for chat in ("fresh_chat", "late_chat"):
        deployment.know(chat)
        done(deployment, chat, 6)
    done(deployment, "fresh_chat", 7)

    first = tick(deployment)

    assert isinstance(first, dg.SensorResult)
    [told] = first.asset_events
    assert isinstance(told, dg.AssetCheckEvaluation)
    assert (told.passed, told.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert told.description == "1 of 2 chats are up to date; 1 not: late_chat"
    assert (told.metadata["chats_late"].value, told.metadata["days_missing"].value) == (1, 1)
    table = told.metadata["chats_to_look_at"]
    assert isinstance(table, dg.TableMetadataValue)
    [row] = [record.data for record in table.records]
    assert (row["chat"], row["state"], row["since"]) == ("late_chat", "late", "2025-11-07")
    assert row["why"] == "nobody has asked for it"
    assert "tg-fetcher fetch late_chat --incremental" in str(row["what_to_do"])

    second = tick(deployment, first.cursor)
    assert isinstance(second, dg.SkipReason)
    assert second.skip_message == (
        "1 of 2 chats are up to date; 1 not: late_chat; nothing has changed since that was told"
    )

    done(deployment, "late_chat", 7)
    third = tick(deployment, first.cursor)
    assert isinstance(third, dg.SensorResult)
    assert third.skip_reason is not None
    assert third.skip_reason.skip_message == "2 of 2 chats are up to date; told by the check"
    kept = deployment.instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(CHATS, "yesterday_is_done"), limit=10
    )
    assert [each.status.value for each in kept] == ["SUCCEEDED", "FAILED"]  # newest first


def test_two_days_of_silence_are_an_error(deployment: Deployment) -> None:
    deployment.know("news_chat")
    done(deployment, "news_chat", 4, 5)
    result = tick(deployment)
    assert isinstance(result, dg.SensorResult)
    [told] = result.asset_events
    assert isinstance(told, dg.AssetCheckEvaluation)
    assert told.severity is dg.AssetCheckSeverity.ERROR
    assert told.metadata["chats_stale"].value == 1


def test_a_look_at_300_chats_costs_as_many_queries_as_one_at_three(deployment: Deployment) -> None:
    asked: list[str] = []
    sa.event.listen(sa.Engine, "before_cursor_execute", lambda *call: asked.append(call[2]))

    def queries() -> int:
        asked.clear()
        current(deployment.settings)
        return len(asked)

    for number in range(3):
        deployment.know(f"chat_no_{number}", marked_id=-1001000000000 - number)
    few = queries()
    for number in range(3, 300):
        deployment.know(f"chat_no_{number}", marked_id=-1001000000000 - number)
    assert queries() == few


def test_a_person_can_execute_the_check(deployment: Deployment) -> None:
    deployment.know("late_chat")
    done(deployment, "late_chat", 6)
    result = yesterday_is_done()
    assert isinstance(result, dg.AssetCheckResult)
    assert (result.passed, result.description) == (False, "0 of 1 chats are up to date; 1 not: late_chat")


def test_a_deployment_without_chats_says_so(deployment: Deployment) -> None:
    skipped = tick(deployment)
    assert isinstance(skipped, dg.SkipReason)
    assert str(skipped.skip_message).startswith("no chat is kept: ")
