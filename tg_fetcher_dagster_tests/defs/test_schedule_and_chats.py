"""What happens by itself: yesterday is asked for of all chats, and chats become partitions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from tg_fetcher_dagster.accounts.pacing import Timing
from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.defs.schedules import build_yesterday
from tg_fetcher_dagster.defs.sensors.chats import ASK_AGAIN, build_chats_sensor, unresolved
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.tables import asks
from tg_fetcher_dagster.settings import DefinitionSettings
from tg_fetcher_dagster.telegram.clock import TelegramClock, clock_path
from tg_fetcher_dagster_tests.defs.deployment import Deployment


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A real instance on the disk: a schedule's context takes no other."""
    folder = tmp_path / "instance"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as local:
        yield local


def evaluate(deployment: Deployment, at: datetime) -> str:
    """One tick of the schedule; returns what it says."""
    schedule = build_yesterday(DefinitionSettings.read())
    answer = schedule(dg.build_schedule_context(instance=deployment.instance, scheduled_execution_time=at))
    assert isinstance(answer, dg.SkipReason)
    return str(answer.skip_message)


def asked(deployment: Deployment) -> set[tuple[str, str]]:
    """Returns the chats and days that are asked for."""
    with deployment.ledger.read() as connection:
        return {(row.chat, str(row.date)) for row in connection.execute(sa.select(asks))}


def test_the_schedule_asks_for_yesterday_of_the_deployments_zone_and_starts_nothing(
    deployment: Deployment,
) -> None:
    deployment.write_env(TIMEZONE="Europe/Moscow")
    deployment.know("def_busy")
    at = datetime(2025, 11, 7, 21, 15, tzinfo=UTC)
    said = evaluate(deployment, at)
    assert said.startswith("asked for 1 days of 1 chats up to 2025-11-07")
    assert asked(deployment) == {("def_busy", "2025-11-07")}
    evaluate(deployment, at)  # a tick that is repeated asks for nothing more
    assert len(asked(deployment)) == 1


@pytest.mark.parametrize(
    ("seconds", "day"),
    [(-86_400, "2025-11-05"), (-3_600, "2025-11-05"), (-30, "2025-11-06"), (86_400, "2025-11-06")],
)
def test_the_schedule_goes_by_telegrams_time_and_never_before_the_partition_is_there(
    deployment: Deployment, seconds: float, day: str
) -> None:
    at = datetime(2025, 11, 7, 0, 15, tzinfo=UTC)
    clock = TelegramClock(clock_path(deployment.settings.session_dir), timing=Timing(wall=at.timestamp))
    clock.tell(at + timedelta(seconds=seconds))
    deployment.know("def_busy")
    evaluate(deployment, at)
    assert asked(deployment) == {("def_busy", day)}


def test_the_schedule_asks_for_all_chats_but_paused_ones_whatever_partitions_there_are(
    deployment: Deployment,
) -> None:
    deployment.add_chats("def_news", "@Some_Chat", "what is this", "def_busy")
    for chat in ("def_news", "def_closed", "def_busy"):
        deployment.know(chat)
    with open_identities(deployment.settings) as identities:
        identities.set_paused("def_closed", paused=True)
    evaluate(deployment, datetime(2025, 11, 8, 0, 15, tzinfo=UTC))
    assert asked(deployment) == {("def_busy", "2025-11-07"), ("def_news", "2025-11-07")}


def test_without_chats_the_schedule_says_what_to_do(deployment: Deployment) -> None:
    assert "TELEGRAM_CHATS" in evaluate(deployment, datetime(2025, 11, 8, tzinfo=UTC))


def tick(deployment: Deployment) -> dg.SensorResult | dg.SkipReason:
    """One tick of the sensor of chats, with its partitions added as the daemon would."""
    chats = build_chats_sensor(DefinitionSettings.read())
    answer = chats(dg.build_sensor_context(instance=deployment.instance))
    assert isinstance(answer, dg.SensorResult | dg.SkipReason)
    if isinstance(answer, dg.SensorResult):
        for request in answer.dynamic_partitions_requests or []:
            if isinstance(request, dg.AddDynamicPartitionsRequest):
                deployment.add_chats(*request.partition_keys)
            else:
                for key in request.partition_keys:
                    deployment.instance.delete_dynamic_partition("chats", key)
    return answer


def test_chats_of_the_settings_are_resolved_once_and_become_partitions(deployment: Deployment) -> None:
    deployment.write_env(TELEGRAM_CHATS='["@Def_News", "https://t.me/def_busy", "no such spelling!"]')

    first = tick(deployment)
    assert isinstance(first, dg.SensorResult)
    [request] = first.run_requests or []
    assert deployment.execute_request(request).success
    second = tick(deployment)

    assert isinstance(second, dg.SensorResult)
    assert not second.run_requests
    assert sorted(deployment.instance.get_dynamic_partitions("chats")) == ["def_busy", "def_news"]
    assert deployment.sandbox.count("contacts.resolveUsername") == 2
    assert isinstance(tick(deployment), dg.SkipReason)


def test_a_configured_name_goes_on_with_its_chat_until_somebody_confirms(deployment: Deployment) -> None:
    deployment.write_env(TELEGRAM_CHATS="@def_busy")
    old = deployment.know("def_busy")
    new = deployment.know("def_busy", key="channel_9", marked_id=-1000000000009)
    tick(deployment)
    spelling = parse_spelling("@def_busy")
    now = datetime.now(UTC)
    with open_identities(deployment.settings) as identities:
        assert identities.find(spelling) == new
        assert unresolved([spelling], identities, now) == []
        first = identities.first_meant(spelling)
        assert first is not None
        assert (first.key, first.marked_id) == (old.key, old.marked_id)
        identities.confirm("def_busy")
        assert identities.first_meant(spelling) == new


def test_a_chat_that_was_added_by_hand_becomes_a_partition_and_none_is_deleted(
    deployment: Deployment,
) -> None:
    deployment.add_chats("came_by_command")
    deployment.know("def_busy")
    tick(deployment)
    assert sorted(deployment.instance.get_dynamic_partitions("chats")) == ["came_by_command", "def_busy"]
    deployment.write_env(TELEGRAM_CHATS="")
    deployment.forget_all()
    tick(deployment)
    assert sorted(deployment.instance.get_dynamic_partitions("chats")) == ["came_by_command", "def_busy"]


def test_a_chat_that_cannot_be_resolved_is_not_asked_for_again_at_once(deployment: Deployment) -> None:
    deployment.write_env(TELEGRAM_CHATS="no_such_chat_here,def_busy")
    first = tick(deployment)
    assert isinstance(first, dg.SensorResult)
    [request] = first.run_requests or []
    result = deployment.execute_request(request)
    assert not result.success
    failure = result.failure_data_for_node("resolve")
    assert failure is not None
    assert failure.user_failure_data is not None
    said = failure.user_failure_data.description or ""
    assert said.startswith("1 of 2 chats cannot be resolved: ")
    assert "no_such_chat_here" in said
    assert "\n" not in said

    second = tick(deployment)

    assert isinstance(second, dg.SensorResult)
    assert not second.run_requests
    assert list(deployment.instance.get_dynamic_partitions("chats")) == ["def_busy"]
    spelling = parse_spelling("no_such_chat_here")
    now = datetime.now(UTC)
    with open_identities(deployment.settings) as identities:
        assert unresolved([spelling], identities, now) == []
        assert unresolved([spelling], identities, now + ASK_AGAIN + timedelta(minutes=1)) == [spelling]


def test_a_resolve_that_cannot_reach_telegram_fails_and_keeps_the_reason(deployment: Deployment) -> None:
    deployment.sandbox.stop()
    result = deployment.execute(
        "resolve_chats", run_config={"ops": {"resolve": {"config": {"spellings": ["def_busy"]}}}}
    )
    assert not result.success
    with open_identities(deployment.settings) as identities:
        failure = identities.failure(parse_spelling("def_busy"))
    assert failure is not None
    assert failure.error_type is ErrorType.TELEGRAM_AWAY
    assert isinstance(FetchError(failure.error_type, failure.error), FetchError)
