"""Days that fail: what is retried, what gives the slot back, and what is told."""

from datetime import date

import dagster as dg
import pytest
from tg_fetcher_dagster.defs.run_states import run_state

from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster_tests.defs.deployment import Deployment, ends, failure_of

DAYS = [f"2025-11-{day:02}" for day in range(1, 9)]

ASKED = {
    "request_id": "fetch-0a1b2c",
    "asked_by": [
        {"command_id": "c1", "correlation_id": "one", "first": "2025-11-01", "last": "2025-11-08"},
        {"command_id": "c2", "correlation_id": "two", "first": "2025-11-07", "last": "2025-11-07"},
    ],
}


def retries(result: dg.ExecuteInProcessResult) -> int:
    return sum(event.event_type_value == "STEP_UP_FOR_RETRY" for event in result.all_events)


def test_the_next_run_reads_only_the_days_that_are_missing(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="1")
    deployment.write_env(FLOOD_WAIT_IN_RUN="0")
    # Eight days of 30 messages are three pages: the third one is refused, the second not yet proved whole.
    deployment.sandbox.add_fault(method="messages.getHistory", after=2, times=1, flood_wait=200)

    result = deployment.fetch("def_busy", DAYS[0], DAYS[-1])

    assert not result.success
    assert retries(result) == 0
    kept = sorted(deployment.materializations())
    assert 0 < len(kept) < 8
    before = {key: deployment.coverage(*key.split("|")) for key in kept}
    deployment.sandbox.clear_faults()
    (deployment.settings.session_dir / "main.floods.json").unlink()
    deployment.sandbox.clear_requests()

    assert deployment.fetch("def_busy", DAYS[0], DAYS[-1]).success

    assert deployment.history_requests() == (8 - len(kept)) * 30 // 100 + 1
    assert {key: deployment.coverage(*key.split("|")) for key in kept} == before
    assert len(deployment.materializations()) == 8


def test_a_disk_that_refuses_one_day_is_retried_for_that_day_alone(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="1")
    in_the_way = deployment.store.day("def_busy", date(2025, 11, 3)).raw
    in_the_way.mkdir(parents=True)
    (in_the_way / "something").touch()

    result = deployment.fetch("def_busy", "2025-11-02", "2025-11-05")

    assert not result.success
    assert retries(result) == 1
    # Told once, although two attempts found them durable.
    assert sorted(deployment.materializations()) == ["def_busy|2025-11-04", "def_busy|2025-11-05"]
    records = deployment.instance.fetch_materializations(dg.AssetKey("messages"), limit=100).records
    assert len(records) == 2
    failure = failure_of(result).user_failure_data
    assert failure.metadata["error_type"].value == "storage"
    assert "2 of 4 days not fetched" in failure.description
    assert ends(deployment.recorded()) == [
        ("def_busy", "2025-11-02", "fetch_failed"),
        ("def_busy", "2025-11-03", "fetch_failed"),
        ("def_busy", "2025-11-04", "messages_fetched"),
        ("def_busy", "2025-11-05", "messages_fetched"),
    ]


def test_a_limited_account_is_asked_once_and_the_command_waits_a_day(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    deployment.sandbox.add_fault(method="messages.getHistory", error="PEER_FLOOD")

    tags = {"dagster/run_key": "fetch-0a1b2c-1"}

    result = deployment.fetch(("def_busy", "def_news"), "2025-11-07", tags=tags, **ASKED)

    assert not result.success
    assert retries(result) == 0
    assert deployment.history_requests() == 1
    error = run_state(deployment.instance, "fetch-0a1b2c-1").error
    assert error is not None
    assert error.error_type is ErrorType.RATE_LIMIT
    assert error.retry_after == pytest.approx(86_400, abs=600)


def test_a_chat_that_cannot_be_read_is_not_retried(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    result = deployment.fetch("def_closed", "2025-11-03")
    assert not result.success
    assert retries(result) == 0
    [event] = deployment.recorded()
    assert (event["event"], event["error_type"], event["retryable"]) == ("fetch_failed", "no_access", False)


def test_a_long_flood_gives_the_slot_back_and_is_left_to_the_command(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    deployment.sandbox.add_fault(method="messages.getHistory", flood_wait=4000)

    result = deployment.fetch("def_busy", "2025-11-07", tags={"dagster/run_key": "fetch-0a1b2c-1"}, **ASKED)

    assert not result.success
    assert retries(result) == 0
    assert deployment.recorded() == []
    state = run_state(deployment.instance, "fetch-0a1b2c-1")
    assert state.error is not None
    assert state.error.error_type is ErrorType.RATE_LIMIT
    assert state.error.retry_after is not None
    assert state.error.retry_after == pytest.approx(4000, abs=600)  # with jitter


def test_a_long_flood_that_nobody_comes_back_for_is_told_as_a_failure(deployment: Deployment) -> None:
    deployment.sandbox.add_fault(method="messages.getHistory", flood_wait=4000)
    assert not deployment.fetch("def_busy", "2025-11-07").success
    [event] = deployment.recorded()
    assert (event["event"], event["error_type"], event["retryable"]) == ("fetch_failed", "rate_limit", True)
    assert event["command_ids"] == []


def test_each_command_finds_its_own_days_and_no_others(deployment: Deployment) -> None:
    deployment.add_chats("def_busy")
    assert deployment.fetch("def_busy", "2025-11-06", "2025-11-07", **ASKED).success
    told = {event["date"]: event for event in deployment.recorded()}
    assert told["2025-11-06"]["command_ids"] == ["c1"]
    assert told["2025-11-07"]["command_ids"] == ["c1", "c2"]
    assert {event["correlation_id"] for event in told.values()} == {"one"}


@pytest.mark.parametrize("asked", [{}, ASKED])
def test_a_telegram_that_is_gone_is_told_once_for_each_day(deployment: Deployment, asked: dict) -> None:
    deployment.sandbox.stop()
    result = deployment.fetch("def_busy", "2025-11-06", "2025-11-07", **asked)
    assert not result.success
    told = deployment.recorded()
    assert ends(told) == [("def_busy", f"2025-11-0{day}", "fetch_failed") for day in (6, 7)]
    assert {event["error_type"] for event in told} == {"telegram_away"}
    assert all("\n" not in event["error"] for event in told)


def test_a_session_that_telegram_ended_is_told_as_such_and_never_tried_again(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    deployment.sandbox.add_fault(method="*", error="SESSION_REVOKED")
    result = deployment.fetch("def_busy", "2025-11-06")
    assert not result.success
    assert retries(result) == 0
    [event] = deployment.recorded()
    assert event["error_type"] == "auth"
