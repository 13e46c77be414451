"""The checks read the files back from the disk and name what is wrong with them."""

from collections.abc import Callable
from datetime import date
from typing import Any

import dagster as dg
import orjson
import pytest

from tg_fetcher_dagster_tests.defs.deployment import Deployment

DAY = date(2025, 11, 3)


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def test_the_days_of_a_run_pass_all_three(deployment: Deployment) -> None:
    deployment.add_chats("def_news", "def_busy")
    found = evaluations(deployment.fetch(("def_news", "def_busy"), "2025-11-03", "2025-11-04"))
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
