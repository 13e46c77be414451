"""What the code location consists of, and that it loads with nothing set."""

from pathlib import Path

import dagster as dg
import pytest

from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.failures import retry_policy
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.settings import DefinitionSettings

ASKING = {"chats", "requests"}
"""Sensors that ask Telegram for something; the others see to what runs have left."""


@pytest.fixture
def loaded(empty_environment: Path) -> dg.RepositoryDefinition:
    """The definitions as an empty environment shapes them."""
    return defs().get_repository_def()


def test_the_definitions_load_with_an_empty_environment(loaded: dg.RepositoryDefinition) -> None:
    dg.Definitions.validate_loadable(defs())
    assert not list(Path.cwd().iterdir())


def test_the_assets_are_what_they_are_said_to_be(loaded: dg.RepositoryDefinition) -> None:
    specs = {
        spec.key.to_user_string(): spec for each in loaded.assets_defs_by_key.values() for spec in each.specs
    }
    assert sorted(specs) == ["chats", "messages", "messages_today"]
    for name, spec in specs.items():
        assert spec.group_name == "telegram"
        assert spec.kinds == ({"telegram"} if name == "chats" else {"telegram", "json"})
        assert spec.owners == ["team:telegram"]
        assert spec.description
    executable = [asset for asset in loaded.assets_defs_by_key.values() if asset.is_materializable]
    assert len(executable) == 2
    for asset in executable:
        assert asset.backfill_policy == dg.BackfillPolicy.multi_run(max_partitions_per_run=31)
        assert asset.op.pool == "telegram"
        assert {hook.name for hook in asset.hook_defs} == {"publish_events", "publish_failures"}
        assert asset.op.retry_policy == retry_policy(DefinitionSettings())


def test_jobs_schedules_sensors_and_checks_stand_by_their_names(loaded: dg.RepositoryDefinition) -> None:
    jobs = {name for name in loaded.job_names if not name.startswith("__")}
    assert jobs == {"fetch_days", "fetch_today", "resolve_chats"}
    assert {each.name for each in loaded.schedule_defs} == {"yesterday"}
    assert {each.name for each in loaded.sensor_defs} == ASKING | {
        "canceled_runs",
        "dead_runs",
        "failed_runs",
        "freshness",
        "outbox",
    }
    checks = {key.name for key in loaded.asset_graph.asset_check_keys}
    assert checks == {
        "schema_valid",
        "ids_unique_and_inside_the_day",
        "replies_and_senders_resolvable",
        "no_suspicious_deletion",
        "nothing_missing",
        "yesterday_is_done",
    }


def test_the_freshness_check_is_no_part_of_a_run_that_fetches(loaded: dg.RepositoryDefinition) -> None:
    for name in ("fetch_days", "fetch_today"):
        selected = loaded.get_job(name).asset_layer.asset_graph.asset_check_keys
        assert "yesterday_is_done" not in {key.name for key in selected}


@pytest.mark.parametrize(("value", "status"), [(None, "STOPPED"), ("true", "RUNNING")])
def test_what_asks_by_itself_runs_only_where_the_deployment_says_so(
    empty_environment: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, status: str
) -> None:
    if value is not None:
        monkeypatch.setenv("RUN_SENSORS", value)
    repository = defs().get_repository_def()
    assert {each.default_status.value for each in repository.schedule_defs} == {status}
    sensors = {each.name: each.default_status.value for each in repository.sensor_defs}
    assert {name: sensors.pop(name) for name in ASKING} == dict.fromkeys(ASKING, status)
    assert set(sensors.values()) == {"RUNNING"}


def test_runs_use_the_in_process_executor(loaded: dg.RepositoryDefinition) -> None:
    for name in ("fetch_days", "fetch_today", "resolve_chats"):
        assert loaded.get_job(name).executor_def.name == "in_process"


def test_the_schedule_and_the_days_follow_the_settings(
    loaded: dg.RepositoryDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIMEZONE", "Europe/Moscow")
    monkeypatch.setenv("HISTORY_START", "2024-06-01")
    monkeypatch.setenv("DAILY_SCHEDULE_CRON", "30 2 * * *")
    changed = defs().get_repository_def()
    schedule = changed.get_schedule_def("yesterday")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 2 * * *", "Europe/Moscow")
    partitions = changed.assets_defs_by_key[dg.AssetKey("messages")].partitions_def
    assert isinstance(partitions, dg.MultiPartitionsDefinition)
    days = partitions.get_partitions_def_for_dimension("date")
    assert days.get_partition_keys()[0] == "2024-06-01"


@pytest.mark.parametrize(
    ("name", "value"),
    [("HISTORY_START", "2025-13-01"), ("TIMEZONE", "Moscow"), ("MAX_RETRY_ATTEMPTS", "many")],
)
def test_a_setting_that_makes_no_sense_is_one_line_that_names_it(
    empty_environment: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(FetchError, match=name) as caught:
        defs()
    assert "\n" not in str(caught.value)
    assert value in str(caught.value)
