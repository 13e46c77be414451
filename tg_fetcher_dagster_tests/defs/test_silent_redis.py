"""A Redis that accepts and never answers: a tick asks it once for each thing, and does all the rest."""

from pathlib import Path

import dagster as dg
import pytest

from tg_fetcher_dagster import redis_connection
from tg_fetcher_dagster.defs.sensors import requests as requests_sensor
from tg_fetcher_dagster.defs.sensors.outbox import outbox
from tg_fetcher_dagster.requests import sources
from tg_fetcher_dagster.requests.spool import put
from tg_fetcher_dagster_tests.defs.deployment import Deployment
from tg_fetcher_dagster_tests.requests.test_redis_connection import silent_server


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_connection, "ANSWER_TIMEOUT", 0.05)
    monkeypatch.setattr(sources, "QUICK_TIMEOUT", 0.05)


def test_a_tick_takes_what_comes_by_other_ways_and_asks_redis_twice_at_most(deployment: Deployment) -> None:
    deployment.know("def_busy", marked_id=deployment.sandbox.world.chats["busy"].peer)
    put(deployment.data_dir, {"command": "fetch", "chat": "def_busy", "date": "2025-11-05"})
    put(deployment.data_dir, {"command": "fetch", "chat": "a b", "date": "2025-11-05"})
    with silent_server() as (url, asked):
        deployment.write_env(REDIS_URL=url)
        sensor = requests_sensor.build_requests_sensor(deployment.settings)
        answer = sensor(dg.build_sensor_context(instance=deployment.instance))
        assert isinstance(answer, dg.SensorResult)
        assert [run.tags["chat"] for run in answer.run_requests or []] == ["def_busy"]
        assert asked() == 2, "once for commands, once to tell of the refusal"
        [refused] = deployment.recorded()
        assert refused["event"] == "fetch_failed"

        said = outbox(dg.build_sensor_context(instance=deployment.instance))
        assert isinstance(said, dg.SkipReason)
        assert "1 events wait in the outbox" in str(said.skip_message)
        assert "does not answer" in str(said.skip_message)
        assert asked() == 3


def test_a_run_fetches_its_days_and_tries_to_tell_of_them_a_few_times(deployment: Deployment) -> None:
    with silent_server() as (url, asked):
        deployment.write_env(REDIS_URL=url)
        assert deployment.fetch("def_busy", "2025-11-03", "2025-11-05").success
        assert asked() <= 3, "not once for each day, nor for each event of progress"
    assert len(list(Path(deployment.data_dir, "def_busy").glob("2025-11-0?.json"))) == 3
