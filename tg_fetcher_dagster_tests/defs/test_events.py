"""Who is told: hooks publish at once, the outbox sensor whatever is left, each event once."""

import dagster as dg
import orjson
import pytest
import redis

from tg_fetcher_dagster.defs.sensors.outbox import outbox
from tg_fetcher_dagster_tests.defs.deployment import Deployment, ends
from tg_fetcher_dagster_tests.events.recorded import pending_count
from tg_fetcher_dagster_tests.waiting import PATIENCE


def tick(deployment: Deployment, cursor: str | None = None) -> dg.SkipReason:
    """One tick of the outbox sensor."""
    skipped = outbox(dg.build_sensor_context(instance=deployment.instance, cursor=cursor))
    assert isinstance(skipped, dg.SkipReason)
    return skipped


def unpublished(deployment: Deployment) -> int:
    """How many events nobody was told yet."""
    return pending_count(deployment.ledger)


def test_the_hook_publishes_exactly_one_terminal_event_a_day(with_redis: Deployment) -> None:
    assert with_redis.fetch("def_busy", "2025-11-03", "2025-11-05").success
    assert ends(with_redis.published()) == [
        ("def_busy", f"2025-11-0{day}", "messages_fetched") for day in (3, 4, 5)
    ]
    assert unpublished(with_redis) == 0
    assert tick(with_redis).skip_message == "no event waits to be published"
    assert len(with_redis.published()) == 3


def test_the_events_are_heard_on_the_channel_too(with_redis: Deployment) -> None:
    with redis.Redis.from_url(with_redis.env["REDIS_URL"]) as client, client.pubsub() as heard:
        heard.subscribe("tg_events")
        assert heard.get_message(timeout=PATIENCE)["type"] == "subscribe"
        assert with_redis.fetch("def_busy", "2025-11-03").success
        names = []
        while "messages_fetched" not in names:
            message = heard.get_message(timeout=PATIENCE)
            assert message is not None
            names.append(orjson.loads(message["data"])["event"])
        client.publish("tg_events", b'{"event": "the last word"}')
        assert orjson.loads(heard.get_message(timeout=PATIENCE)["data"])["event"] == "the last word"
    assert names[0] == "fetch_started"
    assert "fetch_stage" in names


def test_failed_days_are_published_beside_those_that_were_kept(with_redis: Deployment) -> None:
    with_redis.add_chats("def_closed", "def_busy")
    assert not with_redis.fetch(("def_closed", "def_busy"), "2025-11-03").success
    assert ends(with_redis.published()) == [
        ("def_busy", "2025-11-03", "messages_fetched"),
        ("def_closed", "2025-11-03", "fetch_failed"),
    ]


@pytest.mark.parametrize("chat", ["def_busy", "def_closed"])
def test_without_redis_the_hook_says_so_in_one_line_and_the_sensor_publishes_later(
    deployment: Deployment, redis_url: str, chat: str
) -> None:
    result = deployment.fetch(chat, "2025-11-03")

    assert result.success == (chat == "def_busy")
    assert not [event for event in result.all_events if event.event_type_value == "HOOK_ERRORED"]
    lines = [line for line in deployment.said(result.run_id) if "events wait in the outbox" in line]
    assert len(lines) == 1
    assert "Redis at 127.0.0.1:1 is away" in lines[0]
    assert "\n" not in lines[0]
    skipped = tick(deployment)
    assert "1 events wait in the outbox: Redis at 127.0.0.1:1 is away" in str(skipped.skip_message)
    [waiting] = deployment.recorded()

    deployment.write_env(REDIS_URL=redis_url)
    assert "published" in str(tick(deployment).skip_message)

    [published] = deployment.published()
    assert published["event_id"] == waiting["event_id"]
    assert unpublished(deployment) == 0


def test_events_that_are_switched_off_count_as_told(deployment: Deployment) -> None:
    deployment.write_env(ENABLE_EVENTS="false")
    assert deployment.fetch("def_busy", "2025-11-03").success
    assert unpublished(deployment) == 0


def test_a_setting_that_makes_no_sense_is_one_line_of_the_tick(deployment: Deployment) -> None:
    deployment.write_env(PROGRESS_INTERVAL="none")
    assert "PROGRESS_INTERVAL" in str(tick(deployment).skip_message)


def test_old_outcomes_are_forgotten_once_an_hour(with_redis: Deployment) -> None:
    assert with_redis.fetch("def_busy", "2025-11-03").success
    context = dg.build_sensor_context(instance=with_redis.instance)
    outbox(context)
    first = context.cursor
    assert first is not None
    again = dg.build_sensor_context(instance=with_redis.instance, cursor=first)
    outbox(again)
    assert again.cursor == first
    assert len(with_redis.recorded()) == 1
