"""dagster.yaml, workspace.yaml and .env.example: what a newcomer copies must work as it stands."""

import shutil
import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dotenv import dotenv_values

from tg_fetcher_dagster.settings import ENV_FILE_VARIABLE, Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def instance(tmp_path, monkeypatch):
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        yield instance


def test_a_run_counts_once_in_its_pool_and_two_runs_work_at_a_time(instance):
    concurrency = instance.get_concurrency_config()
    assert concurrency.pool_config.pool_granularity.value == "run"
    assert concurrency.pool_config.default_pool_limit == 1
    assert concurrency.run_queue_config.max_concurrent_runs == 2


def test_a_run_is_never_resumed_and_never_retried_by_dagster_itself(instance):
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_resume_run_attempts == 0
    assert not instance.run_retries_enabled


def test_a_restart_of_the_code_server_fails_no_run_that_waits_in_the_queue(instance):
    """Each look at a queued run while there is no code server uses up one try; none left fails the run."""
    queue = instance.get_concurrency_config().run_queue_config
    assert queue.max_user_code_failure_retries * queue.user_code_failure_retry_delay > 2 * 3600
    assert queue.user_code_failure_retry_delay <= 10, "the queue goes on soon after a restart"


def test_nothing_is_told_to_anybody_else(instance):
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled


def test_the_code_locations_name_is_the_same_wherever_it_is_written():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    (location,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert location["python_module"]["location_name"] == project["code_location_name"]
    assert location["python_module"]["module_name"] == project["code_location_target_module"]


def test_the_example_settings_work_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.setenv(ENV_FILE_VARIABLE, str(ROOT / ".env.example"))
    assert Settings.read() == Settings()


def test_every_commented_line_of_the_example_is_a_setting_with_a_value_that_is_allowed(tmp_path, monkeypatch):
    lines = (ROOT / ".env.example").read_text().splitlines()
    uncommented = [line[1:] for line in lines if line.startswith("#") and line[1:2].isupper()]
    example = tmp_path / ".env"
    example.write_text("\n".join(uncommented))
    assert {name.lower() for name in dotenv_values(example)} <= set(Settings.model_fields)
    monkeypatch.setenv(ENV_FILE_VARIABLE, str(example))
    assert Settings.read().telegram_chats == ("@ru_python", "-1001234567890")
