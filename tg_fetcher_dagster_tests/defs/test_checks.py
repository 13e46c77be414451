"""The checks read the files back from the disk and name what is wrong with them."""

from collections.abc import Callable
from datetime import date
from typing import Any

import dagster as dg
import orjson
import pytest

from tg_fetcher_dagster_tests.defs.deployment import Deployment, failure_of

DAY = date(2025, 11, 3)


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def test_the_days_of_a_run_pass_every_check(deployment: Deployment) -> None:
    deployment.add_chats("def_news", "def_busy")
    found = evaluations(deployment.fetch(("def_news", "def_busy"), "2025-11-03", "2025-11-04"))
    deletion = found.pop("no_suspicious_deletion")
    assert deletion.passed
    assert deletion.metadata["days_in_doubt"].value == 0
    assert len(found) == 3
    for each in found.values():
        assert each.passed
        assert each.metadata["days"].value == 4
        assert each.metadata["faults"].value == 0


def _no_message(day: dict[str, Any]) -> None:
    day["messages"][0]["token_count"] = "many"


def _twice(day: dict[str, Any]) -> None:
    day["messages"][1]["id"] = day["messages"][0]["id"]


def _another_day(day: dict[str, Any]) -> None:
    day["messages"][0]["date"] = "2025-11-04T00:00:00Z"


def _no_name(day: dict[str, Any]) -> None:
    del day["senders"][str(day["messages"][0]["sender_id"])]


def _answers_the_future(day: dict[str, Any]) -> None:
    day["messages"][5]["reply_to_msg_id"] = day["messages"][0]["id"]


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (_no_message, "schema_valid"),
        (_twice, "ids_unique_and_inside_the_day"),
        (_another_day, "ids_unique_and_inside_the_day"),
        (_no_name, "replies_and_senders_resolvable"),
        (_answers_the_future, "replies_and_senders_resolvable"),
    ],
)
def test_a_damaged_file_is_found_and_named(
    deployment: Deployment, damage: Callable[[dict[str, Any]], None], check: str
) -> None:
    assert deployment.fetch("def_busy", "2025-11-02", "2025-11-03").success
    paths = deployment.store.day("def_busy", DAY)
    day = orjson.loads(paths.day_file.read_bytes())
    damage(day)
    messages = day.pop("messages")
    lines = b",\n".join(orjson.dumps(message) for message in messages)
    paths.day_file.write_bytes(orjson.dumps(day)[:-1] + b',"messages":[\n' + lines + b"\n]}\n")
    proved = orjson.loads(paths.coverage.read_bytes())
    proved["size_bytes"] = paths.day_file.stat().st_size  # else the day would be read again
    paths.coverage.write_bytes(orjson.dumps(proved))

    found = evaluations(deployment.fetch("def_busy", "2025-11-02", "2025-11-03"))

    assert not found[check].passed
    assert [name for name, each in found.items() if not each.passed] == [check]
    assert "def_busy|2025-11-03" in str(found[check].metadata["first_faults"].value)
    assert "def_busy|2025-11-02" not in str(found[check].metadata["first_faults"].value)


def test_a_day_file_of_another_size_is_read_again(deployment: Deployment) -> None:
    assert deployment.fetch("def_busy", "2025-11-03").success
    paths = deployment.store.day("def_busy", DAY)
    whole = paths.day_file.read_bytes()
    paths.day_file.write_bytes(whole[:-100])

    found = evaluations(deployment.fetch("def_busy", "2025-11-03"))

    assert paths.day_file.read_bytes() == whole
    assert all(each.passed for each in found.values())


def newest_deletion_check(deployment: Deployment) -> dg.AssetCheckEvaluation:
    """What the UI shows of the check now."""
    key = dg.AssetCheckKey(dg.AssetKey("messages"), "no_suspicious_deletion")
    storage = deployment.instance.event_log_storage
    [record] = storage.get_asset_check_execution_history(key, limit=1)
    assert record.event is not None
    assert record.event.dagster_event is not None
    return record.event.dagster_event.asset_check_evaluation_data


def of_the_day(deployment: Deployment) -> list[Any]:
    """The sandbox's own posts of the day."""
    world = deployment.sandbox.world
    truth = deployment.sandbox.truth()
    ids = {each["id"] for each in truth["chats"]["busy"]["days"][DAY.isoformat()]["messages"]}
    return [post for post in world.posts(world.chats["busy"]) if post.id in ids]


def test_a_deletion_that_is_not_believed_fails_its_day_and_a_check_says_so(with_redis: Deployment) -> None:
    deployment = with_redis
    deployment.write_env(MAX_RETRY_ATTEMPTS="2")
    assert deployment.fetch("def_busy", "2025-11-02", "2025-11-04").success
    kept = deployment.store.day("def_busy", DAY).day_file.read_bytes()
    world, posts = deployment.sandbox.world, of_the_day(deployment)
    for post in posts[:15]:
        world.delete("busy", post.id)

    result = deployment.fetch("def_busy", "2025-11-02", "2025-11-04", force=True)

    assert not result.success
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert failure_of(result).user_failure_data.metadata["error_type"].value == "suspicious_deletion"
    check = newest_deletion_check(deployment)
    assert not check.passed
    assert check.metadata["first_days"].value == ["def_busy|2025-11-03"]
    assert deployment.store.day("def_busy", DAY).day_file.read_bytes() == kept
    told = [event for event in deployment.published() if event["event"] == "fetch_failed"]
    assert [(event["date"], event["error_type"], event["retryable"]) for event in told] == [
        ("2025-11-03", "suspicious_deletion", False)
    ]
    # A run over other days does not take it back; a reading that shows the messages again does.
    assert deployment.fetch("def_busy", "2025-11-02").success
    assert not newest_deletion_check(deployment).passed
    for post in posts[:15]:
        world._change(world.chats["busy"], post.id, post)
    assert deployment.fetch("def_busy", "2025-11-03", force=True).success
    assert newest_deletion_check(deployment).passed


def test_the_unfinished_day_says_so_too(deployment: Deployment) -> None:
    asked = {"command_id": "c1", "correlation_id": "one", "first": "2025-11-03", "last": "2025-11-03"}

    def fetch_today(request_id: str) -> dg.ExecuteInProcessResult:
        config = {"request_id": request_id, "asked_by": [asked], "force": True}
        ops = {"messages_today": {"config": config}}
        return deployment.execute("fetch_today", partition_key="def_busy", run_config={"ops": ops})

    deployment.add_chats("def_busy")
    assert fetch_today("fetch-1").success
    posts = of_the_day(deployment)
    for post in posts[:15]:
        deployment.sandbox.world.delete("busy", post.id)

    result = fetch_today("fetch-2")

    assert not result.success
    assert failure_of(result).user_failure_data.metadata["error_type"].value == "suspicious_deletion"
    assert not newest_deletion_check(deployment).passed
