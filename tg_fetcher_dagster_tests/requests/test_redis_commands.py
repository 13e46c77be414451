"""Commands leave Redis once: over a real Valkey and a real ledger."""

import json

import pytest

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger.tables import conditions, requests
from tg_fetcher_dagster.requests.redis_commands import RedisCommands
from tg_fetcher_dagster_tests.fixtures_redis import free_port, valkey
from tg_fetcher_dagster_tests.requests.office import NOON, Office

QUEUE = "tg_commands"


@pytest.fixture
def commands(redis_client):
    return source(redis_client)


def source(client):
    return RedisCommands(client, QUEUE, channel="tg_events")


def push(client, *values):
    for value in values:
        client.rpush(QUEUE, json.dumps({"command": "fetch", "chat": "@ru_python", **value}))


def taken(office):
    return [json.loads(row["raw"]).get("command_id") for row in office.rows(requests)]


def test_commands_are_taken_in_order_and_leave_nothing_behind(office: Office, redis_client, commands):
    push(redis_client, *({"command_id": f"c{number}"} for number in range(130)))
    assert commands.take(office.ledger, NOON) == 130
    assert commands.take(office.ledger, NOON) == 0
    assert taken(office) == [f"c{number}" for number in range(130)]
    assert not redis_client.exists(QUEUE, f"{QUEUE}:processing", f"{QUEUE}:claim")


def test_a_kill_after_the_claim_loses_nothing_and_doubles_nothing(office: Office, redis_client, commands):
    push(redis_client, {"command_id": "a"}, {"command_id": "b"})
    commands._claimed(0)  # and the process is gone
    push(redis_client, {"command_id": "c"})
    assert source(redis_client).take(office.ledger, NOON) == 2
    assert source(redis_client).take(office.ledger, NOON) == 1
    assert taken(office) == ["a", "b", "c"]


def test_a_kill_after_the_ledger_has_them_doubles_nothing(
    office: Office, redis_client, commands, monkeypatch
):
    push(redis_client, {"command_id": "a"})
    monkeypatch.setattr(commands, "_release", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        commands.take(office.ledger, NOON)
    assert redis_client.llen(f"{QUEUE}:processing") == 1
    source(redis_client).take(office.ledger, NOON)
    assert taken(office) == ["a"]
    assert not redis_client.exists(f"{QUEUE}:processing", f"{QUEUE}:claim")


def test_what_an_older_version_left_in_processing_is_taken(office: Office, redis_client, commands):
    redis_client.rpush(f"{QUEUE}:processing", b'{"command_id": "old"}')
    push(redis_client, {"command_id": "new"})
    commands.take(office.ledger, NOON)
    commands.take(office.ledger, NOON)
    assert taken(office) == ["old", "new"]


@pytest.mark.parametrize(
    "key", [f"{QUEUE}:processing", f"{QUEUE}:claim", f"{QUEUE}:failed", f"{QUEUE}:delayed"]
)
def test_a_key_of_another_type_loses_no_command(office: Office, redis_client, key):
    redis_client.hset(key, "what", "ever")
    push(redis_client, {"command_id": "a", "chat": 5.5})
    office.sources = [source(redis_client)]
    first = office.tick()
    held = redis_client.llen(QUEUE) + len(office.rows(requests))
    assert held == 1
    assert any("WRONGTYPE" in note or "refuses" in note for note in first.notes)
    office.sources = [source(redis_client)]
    assert not any("refuses" in note for note in office.tick().notes), "it is said once"
    redis_client.delete(key)
    office.sources = [source(redis_client)]
    office.tick()
    assert len(office.rows(requests)) == 1
    assert redis_client.llen(f"{QUEUE}:failed") == 1
    assert office.rows(conditions) == []


def test_junk_of_20_mb_leaves_a_short_letter_with_its_size(office: Office, redis_client, commands):
    redis_client.rpush(QUEUE, b"x" * 20_000_000)
    push(redis_client, {})
    office.sources = [commands]
    assert len(office.tick().start) == 1
    (letter,) = [json.loads(each) for each in redis_client.lrange(f"{QUEUE}:failed", 0, -1)]
    assert letter["raw_bytes"] == 20_000_000
    assert "20000000 bytes" in letter["error"]
    assert len(office.rows(requests)[0]["raw"]) < 10_000


def test_a_handful_is_bounded_by_its_bytes(office: Office, redis_client, commands):
    for _ in range(20):
        redis_client.rpush(QUEUE, b"x" * 1_000_000)
    assert commands.take(office.ledger, NOON) == 9


def test_dead_letters_are_shown_once_and_waiting_commands_while_they_wait(office: Office, redis_client):
    push(redis_client, {"chat": "no such chat!"})
    for _ in range(3):
        office.sources = [source(redis_client)]
        office.tick()
    (letter,) = redis_client.lrange(f"{QUEUE}:failed", 0, -1)
    assert json.loads(letter)["error_type"] == "validation"
    push(redis_client, {"command_id": "late"})
    office.sources = [source(redis_client)]
    (batch,) = office.tick().start
    office.begins(batch)
    from tg_fetcher_dagster.errors import ErrorType
    from tg_fetcher_dagster.requests.runs import RunStatus

    office.ends(batch, RunStatus.FAILED, error=FetchError(ErrorType.RATE_LIMIT, "flood", retry_after=90))
    office.sources = [source(redis_client)]
    office.tick()
    assert redis_client.zrange(f"{QUEUE}:delayed", 0, -1, withscores=True) == [(b"late", office.now + 90)]
    office.now += 91
    office.sources = [source(redis_client)]
    office.tick()
    assert not redis_client.exists(f"{QUEUE}:delayed")


def test_redis_that_is_away_stops_nothing_and_is_said_once(office: Office):
    import redis

    client = redis.Redis(port=free_port(), socket_connect_timeout=1)
    office.push()
    office.sources = [source(client)]
    result = office.tick()
    assert len(result.start) == 1
    assert len([note for note in result.notes if "Redis" in note]) == 1
    office.sources = [source(client)]
    assert [note for note in office.tick().notes if "Redis" in note] == []
    client.close()


def test_commands_that_reappear_after_redis_lost_time_are_not_done_again(office: Office, monkeypatch):
    """What was taken stands in the queue again, together with a command that is new and one pushed twice."""
    import redis

    same = {"command_id": "same"}
    with valkey() as server, redis.Redis(port=server.port) as client:
        first = source(client)
        push(client, {"command_id": "a"}, same)
        import time as clock

        first.take(office.ledger, clock.time())
        client.flushall()  # the restart came back without what was written last
        push(client, {"command_id": "a"}, same, {"command_id": "b"}, same)
        source(client).take(office.ledger, clock.time())
        push(client, {"command_id": "a"})
        source(client).take(office.ledger, clock.time())
    states = [(json.loads(row["raw"])["command_id"], row["state"]) for row in office.rows(requests)]
    assert states == [
        ("a", "new"), ("same", "new"),
        ("a", "repeated"), ("same", "repeated"), ("b", "new"), ("same", "new"),
        ("a", "new"),
    ]  # fmt: skip


def test_two_ticks_at_once_neither_lose_nor_double(office: Office, redis_url):
    """Two daemons by mistake: each takes and plans beside the other, over connections of their own."""
    import threading

    import redis

    from tg_fetcher_dagster.ledger.tables import asks, batches

    total = 60
    with redis.Redis.from_url(redis_url) as client:
        push(client, *({"command_id": f"c{number}", "date": "2025-11-10"} for number in range(total)))
        started, failures = [], []

        def daemon():
            try:
                with redis.Redis.from_url(redis_url) as own:
                    beside = Office(office.ledger, office.data_dir, order=office.order)
                    for _ in range(4):
                        beside.sources = [source(own)]
                        started.extend(beside.tick().start)
            except Exception as error:  # noqa: BLE001 - shown by the assertion below
                failures.append(error)

        daemons = [threading.Thread(target=daemon) for _ in range(3)]
        for each in daemons:
            each.start()
        for each in daemons:
            each.join()
    assert failures == []
    assert sorted(taken(office)) == sorted(f"c{number}" for number in range(total))
    assert len(office.rows(asks)) == total
    assert len(office.rows(batches)) == 1
    assert len({batch.batch_id for batch in started}) == 1
