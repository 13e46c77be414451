"""The checks read the files back from the disk and name what is wrong with them."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import orjson
import pytest
import time_machine

from tg_fetcher_dagster.defs.checks import DESCRIPTIONS
from tg_fetcher_dagster.storage.coverage import write_coverage
from tg_fetcher_dagster_tests.defs.deployment import Deployment, failure_of

DAY = date(2025, 11, 3)


Found = dict[tuple[str, str | None], dg.AssetCheckEvaluation]


def evaluations(result: dg.ExecuteInProcessResult) -> Found:
    """Returns the results of a run's checks, by check and partition."""
    found = result.get_asset_check_evaluations()
    assert len({(each.check_name, each.partition) for each in found}) == len(found)
    return {(each.check_name, each.partition): each for each in found}


def test_each_day_of_a_run_passes_every_check_under_its_own_partition(deployment: Deployment) -> None:
    deployment.add_chats("def_news", "def_busy")
    found = evaluations(deployment.fetch(("def_news", "def_busy"), "2025-11-03", "2025-11-04"))
    days = [f"{chat}|2025-11-0{day}" for chat in ("def_busy", "def_news") for day in (3, 4)]
    assert sorted(found) == sorted((name, day) for name in DESCRIPTIONS for day in days)
    assert all(each.passed and each.metadata["faults"].value == 0 for each in found.values())
    assert len(history(deployment, "schema_valid")) == 4


def test_a_check_says_in_numbers_and_in_a_sentence_what_it_found(deployment: Deployment) -> None:
    key = "def_news|2025-11-03"
    found = evaluations(deployment.fetch("def_news", "2025-11-03"))
    coverage = deployment.coverage("def_news", "2025-11-03")
    assert coverage is not None
    messages = orjson.loads(deployment.store.day("def_news", DAY).day_file.read_bytes())["messages"]
    ids = [message["id"] for message in messages]
    said = {name: each.description for (name, _), each in found.items()}
    assert said["schema_valid"] == f"{len(ids)} of {len(ids)} messages read as schema 1.0 says"
    assert said["ids_unique_and_inside_the_day"] == (
        f"{len(ids)} messages, ids {min(ids)}..{max(ids)} without a hole"
    )
    assert said["replies_and_senders_resolvable"] == "1 sender with a name, 0 replies to older messages"
    assert said["no_suspicious_deletion"] == "no reading waits to be confirmed"
    assert said["nothing_missing"] == (
        f"{len(ids)} messages and {coverage.comment_count} comments; nothing is missing"
    )
    for name in ("schema_valid", "ids_unique_and_inside_the_day"):
        numbers = found[name, key].metadata
        assert (numbers["expected"].value, numbers["found"].value) == (len(ids), len(ids))


def test_an_empty_day_has_numbers_too(deployment: Deployment) -> None:
    found = evaluations(deployment.fetch("def_news", "2025-11-12"))
    assert {each.passed for each in found.values()} == {True}
    by_name = {name: each for (name, _), each in found.items()}
    assert by_name["schema_valid"].description == "0 of 0 messages read as schema 1.0 says"
    assert by_name["ids_unique_and_inside_the_day"].description == "no message, so no id"
    assert by_name["ids_unique_and_inside_the_day"].metadata["found"].value == 0


def history(deployment: Deployment, name: str) -> list[tuple[str | None, bool]]:
    """Returns partition and result of each evaluation of a check that Dagster keeps, newest first."""
    return [(each.partition, each.passed) for each in kept_evaluations(deployment, name)]


def kept_evaluations(deployment: Deployment, name: str) -> list[dg.AssetCheckEvaluation]:
    """Returns the evaluations of a check that Dagster keeps, newest first."""
    key = dg.AssetCheckKey(dg.AssetKey("messages"), name)
    records = deployment.instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    events = [each.event.dagster_event for each in records if each.event and each.event.dagster_event]
    return [
        each.asset_check_evaluation_data
        for each in events
        if each.event_type_value == "ASSET_CHECK_EVALUATION"
    ]


def test_what_is_known_to_be_missing_of_a_day_is_a_warning_of_that_day(deployment: Deployment) -> None:
    deployment.write_env(COMMENTS_LIMIT_PER_MESSAGE="1")
    found = evaluations(deployment.fetch("def_news", "2025-11-01", "2025-11-08"))
    missing = {key: each for (name, key), each in found.items() if name == "nothing_missing"}
    lacking = [key for key, each in missing.items() if not each.passed]
    assert 0 < len(lacking) < len(missing) == 8
    for key in lacking:
        assert missing[key].severity is dg.AssetCheckSeverity.WARN
        assert "COMMENTS_LIMIT_PER_MESSAGE=1" in str(missing[key].metadata["first_faults"].value)


def test_a_failing_day_spoils_no_check_of_the_others(deployment: Deployment) -> None:
    deployment.add_chats("def_closed", "def_busy")
    result = deployment.fetch(("def_closed", "def_busy"), "2025-11-03")
    assert not result.success
    assert {name: history(deployment, name) for name in DESCRIPTIONS} == {
        name: [("def_busy|2025-11-03", True)] for name in DESCRIPTIONS
    }


def _no_message(day: dict[str, Any]) -> None:
    day["messages"][0]["token_count"] = "many"


def _twice(day: dict[str, Any]) -> None:
    day["messages"][1]["id"] = day["messages"][0]["id"]


def _another_day(day: dict[str, Any]) -> None:
    day["messages"][0]["date"] = "2025-11-04T00:00:00Z"


def _no_name(day: dict[str, Any]) -> None:
    del day["senders"][str(day["messages"][0]["sender_id"])]


def _one_less(day: dict[str, Any]) -> None:
    del day["messages"][0]


def _answers_the_future(day: dict[str, Any]) -> None:
    day["messages"][5]["reply_to_msg_id"] = day["messages"][0]["id"]


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (_no_message, "schema_valid"),
        (_one_less, "schema_valid"),
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
    proved = deployment.coverage("def_busy", "2025-11-03")
    assert proved is not None
    # Else the day would be read again.
    seen = proved.model_copy(update={"size_bytes": paths.day_file.stat().st_size})
    with deployment.ledger.write() as connection:
        write_coverage(connection, seen)

    found = evaluations(deployment.fetch("def_busy", "2025-11-02", "2025-11-03"))

    failed = {key: each for key, each in found.items() if not each.passed}
    assert list(failed) == [(check, "def_busy|2025-11-03")]
    [each] = failed.values()
    assert "def_busy|2025-11-03: " in str(each.metadata["first_faults"].value)
    assert ", the first: def_busy|2025-11-03: " in str(each.description)


def test_a_day_file_of_another_size_is_read_again(deployment: Deployment) -> None:
    assert deployment.fetch("def_busy", "2025-11-03").success
    paths = deployment.store.day("def_busy", DAY)
    whole = paths.day_file.read_bytes()
    paths.day_file.write_bytes(whole[:-100])

    found = evaluations(deployment.fetch("def_busy", "2025-11-03"))

    assert paths.day_file.read_bytes() == whole
    assert all(each.passed for each in found.values())


def deletion_check(deployment: Deployment) -> bool:
    """What the UI shows of the check of the day that lost messages."""
    shown = history(deployment, "no_suspicious_deletion")
    return next(passed for partition, passed in shown if partition == f"def_busy|{DAY}")


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
    assert not deletion_check(deployment)
    [doubted] = [each for each in kept_evaluations(deployment, "no_suspicious_deletion") if not each.passed]
    assert str(doubted.description).startswith("15 of 30 messages are gone from the reading of 20")
    assert "tg-fetcher accept def_busy 2025-11-03" in str(doubted.description)
    assert doubted.metadata["messages_gone"].value == 15
    assert deployment.store.day("def_busy", DAY).day_file.read_bytes() == kept
    told = [event for event in deployment.published() if event["event"] == "fetch_failed"]
    assert [(event["date"], event["error_type"], event["retryable"]) for event in told] == [
        ("2025-11-03", "suspicious_deletion", False)
    ]
    # A run over other days does not take it back; a reading that shows the messages again does.
    assert deployment.fetch("def_busy", "2025-11-02").success
    assert not deletion_check(deployment)
    for post in posts[:15]:
        world._change(world.chats["busy"], post.id, post)
    assert deployment.fetch("def_busy", "2025-11-03", force=True).success
    assert deletion_check(deployment)


def test_the_unfinished_day_says_so_too(deployment: Deployment) -> None:
    def fetch_today(minute: int) -> dg.ExecuteInProcessResult:
        ops = {"messages_today": {"config": {"force": True}}}
        with time_machine.travel(datetime(2025, 11, 3, 23, minute, tzinfo=UTC)):
            return deployment.execute("fetch_today", partition_key="def_busy", run_config={"ops": ops})

    deployment.add_chats("def_busy")
    assert fetch_today(50).success
    posts = of_the_day(deployment)
    for post in posts[:15]:
        deployment.sandbox.world.delete("busy", post.id)

    # The second one asks Dagster to keep a second result of the same check, partition and day.
    for minute in (55, 56):
        result = fetch_today(minute)
        assert not result.success
        assert failure_of(result).user_failure_data.metadata["error_type"].value == "suspicious_deletion"
        assert not deletion_check(deployment)
