"""A Redis command becomes a run, files and events: the whole flow through a real daemon."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import redis

from tg_fetcher_dagster_tests.flow.dagster_processes import Deployment

pytestmark = pytest.mark.flow

ENDS = ("messages_fetched", "fetch_skipped", "fetch_failed")


def ends_of(flow: Deployment, command_id: str) -> list[dict[str, Any]]:
    """Returns the terminal events that answer a command."""
    return [event for event in flow.events(*ENDS) if command_id in event["command_ids"]]


def settled(flow: Deployment) -> bool:
    """True when no command is queued or claimed."""
    with redis.Redis.from_url(flow.redis_url) as client:
        return not client.llen("tg_commands") and not client.llen("tg_commands:processing")


def dead_letters(flow: Deployment) -> list[bytes]:
    """Returns the dead letters."""
    with redis.Redis.from_url(flow.redis_url) as client:
        return client.lrange("tg_commands:failed", 0, -1)


def test_a_range_command_becomes_files_and_one_event_for_each_day(flow: Deployment) -> None:
    command = flow.push(chat="@Flow_News", mode="range", **{"from": "2025-11-03", "to": "2025-11-06"})

    events = flow.until(lambda: (got := ends_of(flow, command)) and len(got) == 4 and got, what="four events")

    assert {event["event"] for event in events} == {"messages_fetched"}
    assert {event["chat"] for event in events} == {"flow_news"}
    for event in events:
        file = Path(event["file_path"]).read_bytes()
        assert hashlib.sha256(file).hexdigest() == event["checksum_sha256"]
        assert event["message_count"] == 6
        assert event["first_message_ts"] < event["last_message_ts"]
    flow.until(lambda: settled(flow), what="the command's settling")
    assert dead_letters(flow) == []


def test_neighbouring_commands_of_one_chat_are_one_run_and_each_finds_its_events(flow: Deployment) -> None:
    with redis.Redis.from_url(flow.redis_url) as client, client.pipeline(transaction=True):
        first = flow.push(chat="https://t.me/flow_busy", date="2025-11-04")
        second = flow.push(chat="flow_busy", date="2025-11-05", strategy="batch")
        third = flow.push(chat="t.me/flow_busy", date="2025-11-06", mode="date")
    commands = (first, second, third)

    flow.until(lambda: all(ends_of(flow, command) for command in commands), what="three answers")

    assert [len(ends_of(flow, command)) for command in commands] == [1, 1, 1]
    with flow.instance() as instance:
        runs = [run for run in instance.get_runs() if run.tags.get("chat") == "flow_busy"]
    assert len(runs) <= 2


def test_a_command_that_makes_no_sense_becomes_a_dead_letter_with_a_reason(flow: Deployment) -> None:
    before = len(dead_letters(flow))
    with redis.Redis.from_url(flow.redis_url) as client:
        client.rpush("tg_commands", b"{not json", b'{"command":"fetch","chat":"a b","date":"2025-11-04"}')
    command = flow.push(chat="flow_busy", date="2025-13-01")

    letters = flow.until(
        lambda: (got := dead_letters(flow)) and len(got) == before + 3 and got, what="three dead letters"
    )

    assert all(b'"error"' in letter and b'"error_type":"validation"' in letter for letter in letters[before:])
    ends = flow.until(lambda: ends_of(flow, command), what="the refused command's event")
    assert [event["event"] for event in ends] == ["fetch_failed"]


@pytest.mark.parametrize(
    ("chat", "error_type"), [("no_such_chat_here", "not_found"), ("flow_closed", "no_access")]
)
def test_a_chat_that_cannot_be_read_fails_with_its_sort(flow: Deployment, chat: str, error_type: str) -> None:
    command = flow.push(chat=chat, date="2025-11-04")

    events = flow.until(lambda: ends_of(flow, command), what="a failure")

    assert [(event["event"], event["error_type"]) for event in events] == [("fetch_failed", error_type)]
    assert "\n" not in events[0]["error"]
    assert not list(flow.data_dir.glob(f"{chat}/2025-11-04.json"))


def test_a_changed_env_takes_effect_without_a_restart(flow: Deployment) -> None:
    flow.write_env(EVENTS_CHANNEL="other_events", COMMANDS_QUEUE="other_commands")
    try:
        with redis.Redis.from_url(flow.redis_url) as client:
            client.rpush("other_commands", b'{"command":"fetch","chat":"flow_busy","date":"2025-11-09"}')
            flow.until(lambda: client.xlen("other_events:stream"), what="an event on the other channel")
    finally:
        flow.write_env(EVENTS_CHANNEL="tg_events", COMMANDS_QUEUE="tg_commands")
