"""A run that fails says why and what to do, in the first line that Dagster shows: at each try, too."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from tg_fetcher_dagster.errors import WHAT_TO_DO, ErrorType
from tg_fetcher_dagster_tests.defs.deployment import Deployment, failure_of


def first_line(error: object) -> str:
    """What Dagster's UI prints first of a failure or of a try that is repeated: the text of its error."""
    message = str(getattr(error, "message", ""))
    return message.partition(": ")[2].rstrip("\n")  # without the class


def repeated(result: dg.ExecuteInProcessResult) -> list[str]:
    """Returns the first line of each try that was repeated."""
    return [
        first_line(event.step_retry_data.error)
        for event in result.all_events
        if event.event_type_value == "STEP_UP_FOR_RETRY"
    ]


def test_each_try_says_why_it_failed_and_the_last_one_what_to_do(
    deployment: Deployment, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="2")
    deployment.sandbox.add_fault(method="messages.getHistory", times=100, error="RPC_CALL_FAIL")

    result = deployment.fetch("def_busy", "2025-11-03")

    first, second = repeated(result)
    assert first.startswith("try 1 of 3 failed, the next one begins in ")
    assert second.startswith("try 2 of 3 failed, the next one begins in ")
    last = first_line(failure_of(result).error)
    cause = "1 of 1 day not fetched: def_busy|2025-11-03: "
    assert all(cause in each and "\n" not in each for each in (first, second, last))
    assert last.startswith("another run tries again after 20")
    assert last.endswith(f". What to do: {WHAT_TO_DO[ErrorType.NETWORK]}")
    run = deployment.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert {name: run.tags[name] for name in ("chat", "days", "asked_by", "error_type")} == {
        "chat": "def_busy",
        "days": "2025-11-03",
        "asked_by": "the UI",
        "error_type": "network",
    }
    said = deployment.said(result.run_id)
    assert {first, second, last} <= set(said)
    tries = [line for line in log_lines() if line["event"] == "a try failed"]
    assert [line["error"] for line in tries] == [first, second, last]
    assert [(line["retry_count"], line["level"]) for line in tries] == [
        (0, "warning"),
        (1, "warning"),
        (2, "error"),
    ]
    assert {(line["error_type"], line["advice"], line["run_id"]) for line in tries} == {
        ("network", WHAT_TO_DO[ErrorType.NETWORK], result.run_id)
    }


def test_telegram_being_away_is_the_first_line(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    deployment.sandbox.pause()

    result = deployment.fetch("def_busy", "2025-11-03")

    assert repeated(result) == []
    said = first_line(failure_of(result).error)
    assert said.startswith("waits until 20")
    assert "it will be done by itself: 1 of 1 day not fetched: def_busy|2025-11-03: " in said
    assert said.endswith(f". What to do: {WHAT_TO_DO[ErrorType.TELEGRAM_AWAY]}")


def test_a_ledger_that_is_away_is_named_at_each_try(deployment: Deployment) -> None:
    away = deployment.folder / "no_folder"
    away.touch()
    deployment.write_env(MAX_RETRY_ATTEMPTS="1", LEDGER_URL=f"sqlite:///{away}/ledger.db")

    result = deployment.fetch("def_busy", "2025-11-03")

    [again] = repeated(result)
    last = first_line(failure_of(result).error)
    assert all("no_folder" in each for each in (again, last))
    assert last.endswith(f". What to do: {WHAT_TO_DO[ErrorType.STORAGE]}")


@pytest.mark.parametrize("job", ["fetch_days", "resolve_chats"])
def test_a_wrong_setting_is_the_first_line_and_is_not_tried_again(deployment: Deployment, job: str) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3", REDIS_URL="ftp://nobody")
    if job == "fetch_days":
        result = deployment.fetch("def_busy", "2025-11-03")
    else:
        result = deployment.execute(
            job, run_config={"ops": {"resolve": {"config": {"spellings": ["@a_chat"]}}}}
        )
    assert repeated(result) == []
    said = first_line(failure_of(result).error)
    assert said.startswith("setting REDIS_URL: ")
    assert said.endswith(f". What to do: {WHAT_TO_DO[ErrorType.VALIDATION]}")
