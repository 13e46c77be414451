"""One command that nobody can carry out, whatever is wrong with it, and the one behind it gets its run."""

import json
from dataclasses import replace

import pytest

from tg_fetcher_dagster.ledger.tables import requests
from tg_fetcher_dagster.requests.redis_commands import RedisCommands
from tg_fetcher_dagster_tests.requests.office import Office

QUEUE = "tg_commands"


def command(**values):
    return json.dumps({"command": "fetch", "chat": "@ru_python", "date": "2025-11-10", **values}).encode()


def deep(levels, opening=b"[", closing=b"]"):
    return b'{"command":"fetch","chat":"@","x":' + opening * levels + b"1" + closing * levels + b"}"


POISON = {
    "a list 300 deep": deep(300),
    "objects 1,020 deep": deep(1020, b'{"a":', b"}"),
    "brackets of 100,000 levels": b"[" * 100_000,
    "20 MB of junk": b"\xff" * 20_000_000,
    "20 MB of a text": command(chat="x" * 20_000_000),
    "a NUL in the chat": command(chat="ru\x00python"),
    "half a character": b'{"command":"fetch","chat":"\\ud800"}',
    "a date of the year 1": command(date="0001-01-01"),
    "a date of the year 9999": command(date="9999-12-31"),
    "a chat's id that no column holds": command(chat=10**30),
    "a number that is none": b'{"command":"fetch","chat":1e999}',
    "an endless number": b'{"command":"fetch","chat":' + b"9" * 60_000 + b"}",
    "a list as a command": command(command=["fetch"]),
}


@pytest.mark.parametrize("what", POISON)
def test_a_poison_command_is_refused_and_stops_nobody(office: Office, redis_client, what):
    redis_client.rpush(QUEUE, POISON[what], command(command_id="behind"))
    office.sources = [RedisCommands(redis_client, QUEUE, channel="tg_events")]

    [batch] = office.tick().start

    office.carries_out(batch)
    office.tick()
    [refused, fetched] = sorted(office.events(), key=lambda event: event["event"])
    assert (refused["event"], refused["error_type"]) == ("fetch_failed", "validation")
    assert "\n" not in refused["error"]
    assert fetched["command_ids"] == ["behind"]
    [letter] = redis_client.lrange(f"{QUEUE}:failed", 0, -1)
    assert json.loads(letter)["error"] == refused["error"]
    assert len(letter) < 200_000
    assert redis_client.llen(QUEUE) == redis_client.llen(f"{QUEUE}:processing") == 0


ODD = ("a\x00b", "\x1b[31m", "x" * 50_000, ["a"], {"a": {}}, 10**300, "\u202e", -1, True, "")
DECIDES_NOTHING = ("command_id", "correlation_id", "requested_by", "timestamp", "strategy", "x")


def test_what_decides_nothing_refuses_nothing(office: Office, redis_client):
    redis_client.rpush(QUEUE, *[command(**{key: value}) for key in DECIDES_NOTHING for value in ODD])
    office.sources = [RedisCommands(redis_client, QUEUE, channel="tg_events")]

    [batch] = office.tick().start

    office.carries_out(batch)
    office.tick()
    assert [event["event"] for event in office.events()] == ["messages_fetched"]
    assert [row["state"] for row in office.rows(requests)] == ["done"] * len(ODD) * len(DECIDES_NOTHING)


@pytest.mark.parametrize("limit", [2**31, 10**18, 1e300])
def test_a_limit_beyond_what_a_column_holds_is_a_large_limit(office: Office, limit):
    office.push(limit=limit)
    [batch] = office.tick().start
    assert batch.limit == 2**31 - 1


def test_commands_that_wait_for_their_turn_hold_up_nobody_else(office: Office, redis_client):
    office.rules = replace(office.rules, commands_a_minute=1)
    office.knows("aaaaa")
    redis_client.rpush(QUEUE, *[command(requested_by="eager", limit=n + 1) for n in range(1_500)])
    office.sources = [RedisCommands(redis_client, QUEUE, channel="tg_events")]
    office.tick()
    redis_client.rpush(QUEUE, command(chat="aaaaa", requested_by="other", command_id="c1"))
    office.now += 61  # hundreds are due again, and one of them has its turn
    office.sources = [RedisCommands(redis_client, QUEUE, channel="tg_events")]
    assert ("aaaaa",) in [batch.chats for batch in office.tick().start]
