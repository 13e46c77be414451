"""What strangers wrote begins no line of Dagster's log: a chat's title, a reason that quotes it."""

from tg_fetcher_dagster.defs.failures import Tries, failure
from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster_tests.defs.deployment import FORGED_TITLE, Deployment


def test_a_chats_title_is_one_line_of_the_run(deployment: Deployment) -> None:
    result = deployment.execute(
        "resolve_chats", run_config={"ops": {"resolve": {"config": {"spellings": ["def_busy"]}}}}
    )
    assert result.success
    [line] = [line for line in deployment.said(result.run_id) if "forged" in line]
    assert "\n" not in line
    assert "Busy\\u000a2025" in line


def test_the_reason_of_a_failure_and_of_another_try_is_one_line() -> None:
    failed = failure(f"no {FORGED_TITLE}", [ErrorType.NETWORK])
    again = Tries(made=0, allowed=1, backoff=1.0).again(f"no {FORGED_TITLE}", ErrorType.NETWORK)
    assert "\n" not in str(failed.description)
    assert "\n" not in str(again)
