"""What an instance says of itself, over real runs; what only a daemon writes is tested in the flow."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from tg_fetcher_dagster.defs.instance_facts import Pool
from tg_fetcher_dagster.defs.instance_state import instance_state
from tg_fetcher_dagster.defs.watched_instance import WatchedInstance
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.settings import DefinitionSettings
from tg_fetcher_dagster_tests.defs.deployment import Deployment

FAR = 4e9
"""A moment after everything."""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """One on the disk, with our dagster.yaml: one in memory keeps no ticks and needs no daemon."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_bytes((Path(__file__).parents[2] / "dagster.yaml").read_bytes())
    with dg.DagsterInstance.from_config(str(home)) as on_disk:
        yield on_disk


def test_runs_that_are_active_and_that_have_ended_are_told_by_state_and_job(deployment: Deployment) -> None:
    instance = deployment.instance
    instance.event_log_storage.set_concurrency_slots("telegram", 1)
    assert deployment.fetch("def_busy", "2025-11-03", "2025-11-05").success
    for number in range(3):
        status = dg.DagsterRunStatus.STARTED if number else dg.DagsterRunStatus.STARTING
        instance.add_run(dg.DagsterRun(job_name="fetch_days", run_id=f"r{number}", status=status))
    state = instance_state(instance, deployment.settings, at=FAR)

    assert {name: runs.count for name, runs in state.runs.items()} == {
        "QUEUED": 0, "STARTING": 1, "STARTED": 2, "CANCELING": 0,
    }  # fmt: skip
    assert state.runs["QUEUED"].since is None
    assert 0 < (state.runs["STARTING"].since or 0) < FAR
    assert state.job_runs == {("fetch_days", "STARTING"): 1, ("fetch_days", "STARTED"): 2}
    [last] = state.last_runs.values()
    assert last.succeeded
    assert 0 < last.ended_at < FAR
    assert last.seconds > 0
    assert state.materialized.keys() == {"messages"}
    assert state.pools == {"telegram": Pool(1, 0, 0)}
    days = (datetime.fromtimestamp(FAR, UTC).date() - deployment.settings.history_start).days
    assert state.partitions == {"messages": days, "messages_today": 1}


def test_an_instance_of_which_nothing_is_known_says_nothing(instance: dg.DagsterInstance) -> None:
    state = instance_state(instance, DefinitionSettings(), at=FAR)
    assert (state.last_runs, state.materialized, state.ticks, state.pools) == ({}, {}, {}, {})
    assert state.partitions == {"messages": 0, "messages_today": 0}
    assert {daemon.heard_of_at for daemon in state.daemons.values()} == {None}
    assert {"SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR"} <= state.daemons.keys()


@pytest.mark.parametrize("home", ["", "relative", "/nowhere/at/all"])
def test_a_home_that_is_none_is_one_line(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)
    with pytest.raises(FetchError, match=f"DAGSTER_HOME='{home}' is no absolute path of a folder"):
        WatchedInstance(DefinitionSettings()).state(FAR)


def test_a_dagster_yaml_that_cannot_be_read_is_one_line(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_text("storage: {nonsense: [")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(FetchError, match="the Dagster instance in "):
        WatchedInstance(DefinitionSettings()).state(FAR)
