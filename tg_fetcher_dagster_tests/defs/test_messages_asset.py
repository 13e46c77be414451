"""The asset over a range: one materialisation a day, with what the UI shows, and no request twice."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import orjson
import time_machine
from telethon.tl import types

from tg_fetcher_dagster.defs.metadata import NUMBERS
from tg_fetcher_dagster_tests.defs.deployment import Deployment, ends, failure_of

KEYS = {
    "bytes",
    "checksum_sha256",
    "comments",
    "lag_hours",
    "losses",
    "messages",
    "read_by",
    "run_requests",
    "dagster/partition_row_count",
    "dagster/uri",
    "duration_seconds",
    "estimated_tokens",
    "fetched_at",
    "final",
    "first_message_ts",
    "last_message_ts",
    "lost",
    "counts",
    "outcome",
    "path",
    "requests",
}


def test_a_range_is_one_run_with_one_materialisation_a_day_that_tells_of_its_file(
    deployment: Deployment,
) -> None:
    result = deployment.fetch("def_busy", "2025-11-02", "2025-11-05")

    assert result.success
    told = deployment.materializations()
    assert sorted(told) == [f"def_busy|2025-11-{day:02}" for day in range(2, 6)]
    for key, materialization in told.items():
        metadata = materialization.metadata
        assert set(metadata) >= KEYS
        assert metadata["outcome"].value == "fetched"
        assert metadata["dagster/partition_row_count"].value == 30
        assert metadata["read_by"] == dg.MetadataValue.dagster_run(result.run_id)
        assert metadata["final"].value is True
        path = Path(str(metadata["path"].value))
        assert path == deployment.data_dir / "def_busy" / f"{key[-10:]}.json"
        assert metadata["bytes"].value == path.stat().st_size
        table = metadata["counts"]
        assert isinstance(table, dg.TableMetadataValue)
        assert table.records[0].data == {"what": "messages", "sort": "", "count": 30}
    for name in ("requests", "run_requests"):
        assert sum(int(str(each.metadata[name].value)) for each in told.values()) == 2


def test_no_text_and_no_name_of_a_person_reaches_dagsters_database(deployment: Deployment) -> None:
    result = deployment.fetch("def_busy", "2025-11-02", "2025-11-03")
    assert result.success

    kept = "\n".join(
        [repr(each.metadata) for each in deployment.materializations().values()]
        + [repr(entry) for entry in deployment.instance.all_logs(result.run_id)]
    )
    for day in (2, 3):
        content = orjson.loads((deployment.data_dir / "def_busy" / f"2025-11-{day:02}.json").read_bytes())
        texts = [message["text"] for message in content["messages"] if message["text"]]
        assert texts
        said = [*texts, *content["senders"].values()]
        assert [text for text in said if len(text) > len("def_busy") and text in kept] == []


def test_a_second_run_skips_what_is_complete_without_asking_telegram(deployment: Deployment) -> None:
    assert deployment.fetch("def_busy", "2025-11-02", "2025-11-05").success
    deployment.sandbox.clear_requests()

    assert deployment.fetch("def_busy", "2025-11-02", "2025-11-05").success

    assert deployment.sandbox.requests == []
    told = deployment.materializations().values()
    assert [each.metadata["outcome"].value for each in told] == ["skipped"] * 4
    assert [event for *_, event in ends(deployment.recorded())] == ["fetch_skipped", "messages_fetched"] * 4


def numbers(metadata: Mapping[str, Any]) -> dict[str, float]:
    """Returns what is plotted over the partitions."""
    found = {name: metadata[name].value for name in NUMBERS}
    assert all(isinstance(value, int | float) for value in found.values()), found
    return found


def test_a_complete_day_that_is_asked_for_again_keeps_the_facts_of_its_reading(
    deployment: Deployment,
) -> None:
    first = deployment.fetch("def_news", "2025-11-02", "2025-11-05")
    assert first.success
    before = {key: numbers(each.metadata) for key, each in deployment.materializations().items()}

    assert deployment.fetch("def_news", "2025-11-02", "2025-11-05").success

    told = deployment.materializations()
    assert {key: numbers(each.metadata) for key, each in told.items()} == before
    assert sum(each["requests"] for each in before.values()) > 0
    for each in told.values():
        assert each.metadata["outcome"].value == "skipped"
        assert each.metadata["run_requests"].value == 0
        assert each.metadata["read_by"] == dg.MetadataValue.dagster_run(first.run_id)


def test_a_days_lag_is_counted_from_its_end(deployment: Deployment) -> None:
    with time_machine.travel(datetime(2025, 11, 4, 6, 30, tzinfo=UTC)):
        assert deployment.fetch("def_busy", "2025-11-03").success
        assert deployment.execute("fetch_today", partition_key="def_busy").success
    assert numbers(deployment.materializations()["def_busy|2025-11-03"].metadata)["lag_hours"] == 6.5
    assert numbers(deployment.materializations("messages_today")["def_busy"].metadata)["lag_hours"] == 0


def test_what_is_lost_of_a_day_is_a_number(deployment: Deployment) -> None:
    deployment.write_env(COMMENTS_LIMIT_PER_MESSAGE="1")
    assert deployment.fetch("def_news", "2025-11-01", "2025-11-08").success
    told = [each.metadata for each in deployment.materializations().values()]
    lost = [each["lost"].value for each in told]
    assert [numbers(each)["losses"] for each in told] == [len(each) for each in lost]  # type: ignore[arg-type]
    assert any(lost)


def test_force_reads_again_and_says_that_nothing_changed(deployment: Deployment) -> None:
    assert deployment.fetch("def_busy", "2025-11-03").success

    again = deployment.fetch("def_busy", "2025-11-03", force=True)

    assert again.success
    [told] = deployment.materializations().values()
    assert told.metadata["outcome"].value == "unchanged"
    assert told.metadata["read_by"] == dg.MetadataValue.dagster_run(again.run_id)
    assert numbers(told.metadata)["requests"] == told.metadata["run_requests"].value == 1


def test_a_limit_is_told_as_not_final(deployment: Deployment) -> None:
    assert deployment.fetch("def_busy", "2025-11-03", limit=4).success
    [told] = deployment.materializations().values()
    assert told.metadata["final"].value is False
    assert told.metadata["dagster/partition_row_count"].value == 4


def test_a_rectangle_of_chats_and_days_is_one_run_and_a_walk_a_chat(deployment: Deployment) -> None:
    deployment.add_chats("def_news", "def_busy")

    assert deployment.fetch(("def_news", "def_busy"), "2025-11-03", "2025-11-05").success

    days = [f"2025-11-{day:02}" for day in range(3, 6)]
    assert sorted(deployment.materializations()) == [
        f"{chat}|{day}" for chat in ("def_busy", "def_news") for day in days
    ]
    assert deployment.history_requests() == 2


def test_a_chat_that_fails_stops_no_other_and_the_failure_names_its_days(deployment: Deployment) -> None:
    deployment.add_chats("def_closed", "def_busy")

    result = deployment.fetch(("def_closed", "def_busy"), "2025-11-03", "2025-11-04")

    assert not result.success
    assert sorted(deployment.materializations()) == ["def_busy|2025-11-03", "def_busy|2025-11-04"]
    failure = failure_of(result).user_failure_data
    assert failure.description.startswith("2 of 4 days not fetched: def_closed|2025-11-03 and 1 more: ")
    assert set(failure.metadata["failures"].value) == {"def_closed|2025-11-03", "def_closed|2025-11-04"}
    assert failure.metadata["error_type"].value == "no_access"
    assert ends(deployment.recorded()) == [
        ("def_busy", "2025-11-03", "messages_fetched"),
        ("def_busy", "2025-11-04", "messages_fetched"),
        ("def_closed", "2025-11-03", "fetch_failed"),
        ("def_closed", "2025-11-04", "fetch_failed"),
    ]


def test_an_unfinished_day_is_taken_over_after_midnight(deployment: Deployment) -> None:
    deployment.add_chats("def_busy")
    with time_machine.travel(datetime(2025, 11, 8, 18, tzinfo=UTC)):
        assert deployment.execute("fetch_today", partition_key="def_busy").success
    unfinished = deployment.coverage("def_busy", "2025-11-08")
    assert unfinished is not None
    assert not unfinished.final
    [today] = deployment.materializations("messages_today").values()
    assert today.partition == "def_busy"
    assert today.metadata["final"].value is False
    world = deployment.sandbox.world
    newest = list(world.posts(world.chats["busy"]))[-1]
    world.post("busy", at=newest.at + 1, sender=newest.sender, text="written before midnight")

    with time_machine.travel(datetime(2025, 11, 9, 0, 15, tzinfo=UTC)):
        assert deployment.fetch("def_busy", "2025-11-08").success

    finished = deployment.coverage("def_busy", "2025-11-08")
    assert finished is not None
    assert finished.final
    assert finished.message_count == unfinished.message_count + 1
    day = orjson.loads(deployment.store.day("def_busy", date(2025, 11, 8)).day_file.read_bytes())
    assert day["messages"][0]["text"] == "written before midnight"


def test_a_file_that_was_damaged_later_does_not_break_the_run_that_skips_it(deployment: Deployment) -> None:
    assert deployment.fetch("def_busy", "2025-11-03").success
    file = deployment.store.day("def_busy", date(2025, 11, 3)).day_file
    file.write_bytes(b"x" * file.stat().st_size)

    result = deployment.fetch("def_busy", "2025-11-03")

    assert deployment.materializations()["def_busy|2025-11-03"].metadata["outcome"].value == "skipped"
    assert not {each.check_name: each.passed for each in result.get_asset_check_evaluations()}["schema_valid"]


def test_a_wrong_setting_is_one_line_of_the_step_and_is_not_retried(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="2", PROGRESS_INTERVAL="none")
    result = deployment.fetch("def_busy", "2025-11-03")
    assert not result.success
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    description = failure_of(result).user_failure_data.description
    assert "PROGRESS_INTERVAL" in description
    assert "\n" not in description


def test_a_day_that_is_opened_for_a_late_message_is_materialized_again(deployment: Deployment) -> None:
    deployment.add_chats("def_busy")
    assert deployment.fetch("def_busy", "2025-11-03", "2025-11-04").success
    chat = deployment.sandbox.world.chats["busy"]
    newest = max(post.id for post in deployment.sandbox.world.posts(chat))
    peer = types.PeerChannel(-chat.peer - 10**12)
    sender = types.PeerUser(chat.members[0].id)
    late = datetime(2025, 11, 4, 12, tzinfo=UTC)
    behind = datetime(2025, 11, 8, 23, 59, 59, tzinfo=UTC)
    moments = [late, *[behind] * 6]
    deployment.sandbox.put(
        "busy",
        *(
            types.Message(id=newest + 1 + place, peer_id=peer, from_id=sender, date=moment, message="late")
            for place, moment in enumerate(moments)
        ),
    )

    assert deployment.fetch("def_busy", "2025-11-08", "2025-11-08").success

    fetched = [event for event in deployment.recorded() if event["event"] == "messages_fetched"]
    told = [(event["date"], event["message_count"]) for event in fetched]
    assert told[-2:] == [("2025-11-08", 36), ("2025-11-04", 31)]
    keys = {"def_busy|2025-11-03", "def_busy|2025-11-04", "def_busy|2025-11-08"}
    made = deployment.materializations()
    assert set(made) == keys
    assert made["def_busy|2025-11-04"].metadata["dagster/partition_row_count"].value == 31
