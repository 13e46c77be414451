"""The demo's checks find what is wrong: a check that cannot fail proves nothing."""

import hashlib
from datetime import date

import orjson
import pytest

from tg_fetcher_dagster.requests.command import parse_command
from tg_fetcher_sandbox.demo.asking import Asked, chats_to_keep, commands_of
from tg_fetcher_sandbox.demo.services import SCENARIO
from tg_fetcher_sandbox.demo.verifying import faults_of
from tg_fetcher_sandbox.scenario import load_scenario
from tg_fetcher_sandbox.truth import world_truth
from tg_fetcher_sandbox.world import World

DAY = date(2025, 11, 7)
MESSAGE = {"id": 5, "date": "2025-11-07T10:00:00Z", "text": "hello", "sender_id": -1001, "comments": []}


@pytest.fixture
def asked():
    return [Asked(chat="news", days=(DAY,), body={})]


@pytest.fixture
def truth():
    return {"chats": {"news": {"key": "news", "days": {str(DAY): {"count": 1, "messages": [MESSAGE]}}}}}


@pytest.fixture
def write(tmp_path):
    def write(messages):
        folder = tmp_path / "news"
        folder.mkdir(exist_ok=True)
        body = orjson.dumps({"messages": messages})
        (folder / f"{DAY}.json").write_bytes(body)
        event = {
            "event": "messages_fetched",
            "event_id": "1",
            "chat": "news",
            "date": str(DAY),
            "message_count": len(messages),
            "checksum_sha256": hashlib.sha256(body).hexdigest(),
        }
        for name in ("summary", "threads", "participants"):
            side = folder / f"{DAY}_{name}.json"
            side.touch()
            event[f"{name}_file_path"] = str(side)
        return event

    return write


@pytest.fixture
def faults(asked, truth, tmp_path):
    return lambda *stream: faults_of(asked, truth=truth, data_dir=tmp_path, stream=stream)


def test_what_is_right_has_no_faults(faults, write):
    assert faults(write([MESSAGE])) == []


def test_a_lost_message_is_found(faults, write):
    found = faults(write([]))
    assert "news 2025-11-07: the event says 0 messages, the sandbox has 1" in found
    assert "news 2025-11-07: the messages' id differ from the sandbox's" in found


@pytest.mark.parametrize("key", ["text", "date", "sender_id"])
def test_a_changed_message_is_found(faults, write, key):
    assert faults(write([{**MESSAGE, key: "other"}])) == [
        f"news 2025-11-07: the messages' {key} differ from the sandbox's"
    ]


def test_comments_that_were_not_read_are_found(faults, write, truth):
    truth["chats"]["news"]["days"][str(DAY)]["messages"] = [{**MESSAGE, "comments": [{"id": 1}]}]
    assert faults(write([MESSAGE])) == ["news 2025-11-07: the comments differ from the sandbox's"]


def test_a_day_without_an_event_and_one_with_two_are_found(faults, write):
    event = write([MESSAGE])
    assert faults() == ["news 2025-11-07: 0 events that end it, not one"]
    assert "news 2025-11-07: 2 events that end it, not one" in faults(event, {**event, "event_id": "2"})
    assert "event 1: published 2 times" in faults(event, event)


def test_a_wrong_checksum_and_a_missing_file_are_found(faults, write, tmp_path):
    event = write([MESSAGE])
    assert faults({**event, "checksum_sha256": "0"}) == [
        "news 2025-11-07: the event's checksum is not the file's"
    ]
    (tmp_path / "news" / f"{DAY}_threads.json").unlink()
    assert faults(event) == ["news 2025-11-07: there is no threads file"]
    (tmp_path / "news" / f"{DAY}.json").unlink()
    assert faults(event) == [f"news 2025-11-07: there is no {tmp_path}/news/{DAY}.json"]


def test_a_failure_and_a_day_that_nobody_asked_for_are_found(faults, write):
    event = write([MESSAGE])
    failed = {**event, "event": "fetch_failed", "error": "no such chat"}
    assert faults(failed) == ["news 2025-11-07: fetch_failed: no such chat"]
    assert faults(event, {**event, "event_id": "2", "chat": "spam"}) == [
        "spam 2025-11-07: nobody asked for it"
    ]


def test_the_demo_asks_in_the_contracts_own_words_and_keeps_the_chat_that_no_command_names():
    truth = world_truth(World(load_scenario(SCENARIO)))
    commands = commands_of(truth)
    assert [parse_command(each.line, made_up_id="x").mode for each in commands] == ["date", "range"]
    assert [len(each.days) for each in commands] == [1, 14]
    assert chats_to_keep(truth) == ["-410001002"]
