"""Chats become partitions, each by its key; what somebody added in another spelling gives way to it."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.chats.kept import kept_chats
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.partitions import range_tags
from tg_fetcher_dagster.defs.sensors.chats import ASK_AGAIN, build_chats_sensor, unresolved
from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster_tests.defs.deployment import Deployment

DAY = date(2025, 11, 7)


def tick(deployment: Deployment) -> dg.SensorResult | dg.SkipReason:
    """One tick of the sensor of chats, with its partitions added as the daemon would."""
    chats = build_chats_sensor(deployment.settings)
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
    assert second.skip_reason is not None
    assert second.skip_reason.skip_message == "partitions added: def_busy, def_news"
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


def test_a_partition_that_somebody_added_in_another_spelling_is_resolved_and_gives_way_to_the_key(
    deployment: Deployment,
) -> None:
    deployment.add_chats("@Def_News", "nobody_here", "no chat at all|", "https://t.me/def_busy")
    deployment.know("def_busy")

    first = tick(deployment)
    assert isinstance(first, dg.SensorResult)
    [request] = first.run_requests or []
    assert request.run_config["ops"]["resolve"]["config"]["spellings"] == ["def_news", "nobody_here"]
    assert not deployment.execute_request(request).success, "nobody_here is nobody"
    tick(deployment)
    tick(deployment)

    assert set(deployment.instance.get_dynamic_partitions("chats")) == {
        "def_news", "def_busy", "nobody_here", "no chat at all|",
    }  # fmt: skip
    skipped = tick(deployment)
    assert isinstance(skipped, dg.SkipReason)
    assert "2 are no chats and are left out" in str(skipped.skip_message)
    assert deployment.sandbox.count("contacts.resolveUsername") == 2
    lines = [line for line in kept_chats(deployment.settings).lines if line.startswith("partition ")]
    assert [line.split(" is no chat")[0] for line in lines] == [
        "partition 'no chat at all|'",
        "partition 'nobody_here'",
    ]


def test_a_partition_that_a_run_works_on_stays_until_the_run_has_ended(deployment: Deployment) -> None:
    deployment.know("def_busy")
    deployment.add_chats("before_it", "@Def_Busy", "def_busy")
    job = defs().resolve_job_def("fetch_days")
    run = deployment.instance.create_run_for_job(
        job, tags=dict(range_tags(("before_it", "def_busy"), (DAY, DAY))), status=dg.DagsterRunStatus.STARTED
    )
    tick(deployment)
    assert "@Def_Busy" in deployment.instance.get_dynamic_partitions("chats")

    deployment.instance.report_run_failed(run)
    tick(deployment)
    assert list(deployment.instance.get_dynamic_partitions("chats")) == ["before_it", "def_busy"]
