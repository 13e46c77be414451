"""A command's life in the log: one search for its correlation id shows all of it."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tg_fetcher_dagster_tests.defs.deployment import Deployment
from tg_fetcher_dagster_tests.defs.test_requests_sensor import push, tick, until_settled

Lines = Callable[[], list[dict[str, Any]]]


def of_command(lines: list[dict[str, Any]], correlation_id: str) -> list[dict[str, Any]]:
    """What a search for the id shows, as `grep` does it."""
    return [line for line in lines if correlation_id in orjson.dumps(line).decode()]


def events_of(lines: list[dict[str, Any]]) -> list[str]:
    return [line["event"] for line in lines]


def test_one_search_shows_a_commands_whole_life(with_redis: Deployment, log_lines: Lines) -> None:
    push(
        with_redis,
        {
            "command": "fetch",
            "chat": "@def_busy",
            "mode": "range",
            "from": "2025-11-05",
            "to": "2025-11-06",
            "command_id": "c-17",
            "correlation_id": "corr-17",
            "requested_by": "nightly",
        },
    )
    until_settled(with_redis)
    tick(with_redis)

    found = of_command(log_lines(), "corr-17")

    told = events_of(found)
    assert told[:3] == ["command taken", "command waits", "command planned"]
    of_run = told[3:]
    assert of_run[:2] == ["batch asked for", "run began"]
    for event, times in (
        ("fetch began", 2),
        ("fetch ended", 2),
        ("event recorded", 2),
        ("event published", 2),
        ("request ended", 1),
    ):
        assert told.count(event) == times, event
    for day in ("2025-11-05", "2025-11-06"):
        of_day = events_of([line for line in found if line.get("date") == day])
        assert of_day == ["fetch began", "event recorded", "fetch ended", "event published"]
    assert all(line.get("run_id") for line in found if line["event"].startswith("fetch "))
    assert {line["level"] for line in found} == {"info"}


def test_the_end_of_a_days_fetch_says_all_that_is_to_be_known(
    deployment: Deployment, log_lines: Lines
) -> None:
    deployment.sandbox.add_fault(method="messages.getHistory", times=1, error="FLOOD_WAIT_1")
    deployment.sandbox.add_fault(method="messages.getHistory", times=1, error="RPC_CALL_FAIL")

    result = deployment.fetch("def_busy", "2025-11-03")

    [began] = [line for line in log_lines() if line["event"] == "fetch began"]
    [ended] = [line for line in log_lines() if line["event"] == "fetch ended"]
    ids = {key: began[key] for key in ("run_id", "correlation_id", "chat", "date", "mode", "batch_id")}
    assert ids.items() <= ended.items()
    assert (began["chat"], began["date"], began["mode"]) == ("def_busy", "2025-11-03", "day")
    assert began["run_id"] == result.run_id
    assert ended["status"] == "fetched"
    assert ended["message_count"] > 0
    assert ended["duration_seconds"] > 0
    assert (ended["retry_count"], ended["retries"]) == (0, 1)
    assert ended["wait_seconds"] >= 1
    assert ended["requests"] >= 3
    [again] = [line for line in log_lines() if line["event"] == "request is sent again"]
    assert (again["method"], again["error_type"]) == ("messages.getHistory", "network")


def test_days_that_the_walk_never_came_to_are_one_line_with_the_reason_and_what_to_do(
    deployment: Deployment, log_lines: Lines
) -> None:
    deployment.sandbox.pause()
    deployment.fetch("def_busy", "2025-11-03", "2025-11-05")
    [line] = [line for line in log_lines() if line["event"] == "days not fetched"]
    assert line["dates"] == ["2025-11-05", "2025-11-04", "2025-11-03"]
    assert (line["status"], line["error_type"]) == ("waits", "telegram_away")
    assert line["error"]
    assert line["advice"]
    assert "fetch ended" not in events_of(log_lines())


@pytest.mark.parametrize("day", ["2025-11-05"])
def test_a_day_that_is_complete_already_is_one_line(
    deployment: Deployment, log_lines: Lines, day: str
) -> None:
    deployment.fetch("def_busy", day)
    before = len(log_lines())
    deployment.fetch("def_busy", day)
    told = [line for line in log_lines()[before:] if line["event"].startswith("fetch ")]
    assert [(line["event"], line["status"]) for line in told] == [("fetch ended", "skipped")]


def test_what_a_stranger_sends_as_a_command_ends_no_line(with_redis: Deployment, log_lines: Lines) -> None:
    evil = {"command": "fetch", "chat": 'x"\n{"event":"forged"}\u2028', "correlation_id": "a\nb"}
    push(with_redis, evil)
    tick(with_redis)
    [refused] = [line for line in log_lines() if line["event"] == "command refused"]
    assert refused["error_type"] == "validation"
    assert "forged" not in events_of(log_lines())
