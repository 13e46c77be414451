import threading

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tg_fetcher_dagster import redis_connection
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.redis_connection import connect
from tg_fetcher_dagster.requests import queue as queue_module
from tg_fetcher_dagster.requests.dead_letters import dead_letter
from tg_fetcher_dagster.requests.journal import Change, ClaimFailure
from tg_fetcher_dagster.requests.queue import MAX_HELD, CommandQueue, letter_id
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.requests.world import NOW
from tg_fetcher_dagster_tests.waiting import PATIENCE, until

NAME = "tg_commands"


@pytest.fixture
def queue(redis_client):
    return CommandQueue(redis_client, NAME)


def raws(queue):
    return [claim.raw for claim in queue.read(1.0).claims]


def test_commands_are_claimed_first_in_first_out_and_stay_until_they_are_settled(queue, redis_client):
    for raw in (b"one", b"two", b"three"):
        queue.push(raw)
    queue.claim(2)
    assert raws(queue) == [b"one", b"two"]
    assert redis_client.lrange(NAME, 0, -1) == [b"three"]
    assert raws(CommandQueue(redis_client, NAME)) == [b"one", b"two"]


def test_a_claim_keeps_its_id_however_often_it_is_read(queue):
    queue.push(b"one")
    queue.claim(5)
    assert [c.claim_id for c in queue.read(1.0).claims] == [c.claim_id for c in queue.read(9.0).claims]


def test_identical_commands_are_separate_claims_and_settled_one_by_one(queue, redis_client):
    for raw in (b"same", b"other", b"same"):
        queue.push(raw)
    queue.claim(5)
    first, _, second = queue.read(1.0).claims
    assert first.claim_id != second.claim_id
    assert queue.commit(Change(settled=[first.claim_id]))
    assert redis_client.lrange(queue.keys.processing, 0, -1) == [b"other", b"same"]
    assert {claim.claim_id for claim in queue.read(2.0).claims} >= {second.claim_id}


def test_bytes_that_are_no_text_survive(queue):
    queue.push(b"\xff\x00\n\xfe")
    queue.claim(1)
    assert raws(queue) == [b"\xff\x00\n\xfe"]
    (claim,) = queue.read(1.0).claims
    assert queue.commit(Change(settled=[claim.claim_id]))
    assert raws(queue) == []


def test_of_two_ticks_at_once_only_one_decides(redis_client):
    ours, theirs = CommandQueue(redis_client, NAME), CommandQueue(redis_client, NAME)
    ours.push(b"one")
    ours.claim(1)
    (claim,) = ours.read(1.0).claims
    assert theirs.read(2.0).claims == (claim,)
    assert ours.commit(Change(claims=[claim.changed(batches=("fetch-1",))]))
    assert not theirs.commit(Change(settled=[claim.claim_id], dead=[b"{}"]))
    assert theirs.lengths() == {"queued": 0, "processing": 1, "delayed": 0, "failed": 0}
    assert ours.commit(Change(settled=[claim.claim_id]))
    assert not theirs.commit(Change(settled=[claim.claim_id]))


def test_what_an_operator_takes_out_of_processing_is_forgotten(queue, redis_client):
    queue.push(b"one")
    queue.claim(1)
    assert raws(queue) == [b"one"]
    redis_client.delete(queue.keys.processing)
    assert raws(queue) == []
    assert not redis_client.exists(queue.keys.journal)


def test_a_journal_entry_of_another_version_is_claimed_anew(queue, redis_client):
    queue.push(b"one")
    queue.claim(1)
    (claim,) = queue.read(1.0).claims
    redis_client.hset(queue.keys.journal, claim.claim_id, f'{{"sha1":"{claim.sha1}"}}')
    assert raws(queue) == []
    assert raws(queue) == [b"one"]


def test_more_than_a_thousand_held_commands_wait_in_the_queue(queue, redis_client):
    redis_client.rpush(queue.keys.processing, *([b"held"] * (MAX_HELD - 1)))
    redis_client.rpush(NAME, b"one", b"two")
    queue.claim(10)
    assert redis_client.lrange(NAME, 0, -1) == [b"two"]


@pytest.fixture
def _patient(monkeypatch):
    """A blocking move waits until it is answered: neither the server nor the client gives up before."""
    monkeypatch.setattr(queue_module, "LONGEST_BLOCK", PATIENCE)
    monkeypatch.setattr(redis_connection, "ANSWER_TIMEOUT", None)


@pytest.mark.usefixtures("_patient")
def test_a_tick_waits_for_the_first_command_and_answers_it_at_once(redis_url, redis_client):
    with connect(Settings.read(redis_url=redis_url)) as client:
        waiting = CommandQueue(client, NAME)
        thread = threading.Thread(target=waiting.claim, args=(5, PATIENCE))
        thread.start()
        _wait_until_blocked(redis_client)
        redis_client.rpush(NAME, b"one")
        thread.join(PATIENCE)
        assert raws(waiting) == [b"one"]


@pytest.mark.usefixtures("_patient")
def test_a_connection_that_breaks_while_waiting_loses_nothing(redis_url, redis_client):
    with connect(Settings.read(redis_url=redis_url)) as client:
        waiting = CommandQueue(client, NAME)
        thread = threading.Thread(target=waiting.claim, args=(5, PATIENCE))
        thread.start()
        killed = _wait_until_blocked(redis_client)
        redis_client.client_kill_filter(_id=killed)
        _wait_until_blocked(redis_client, other_than=killed)
        redis_client.rpush(NAME, b"one")
        thread.join(PATIENCE)
        assert raws(waiting) == [b"one"]


def test_a_move_whose_answer_is_lost_is_found_in_processing(redis_url, redis_client):
    class AnswerLost(redis.Redis):
        def execute_command(self, *args, **options):
            answer = super().execute_command(*args, **options)
            if args[0] == "LMOVE":
                raise redis.ConnectionError("cut")
            return answer

    with AnswerLost.from_url(redis_url) as client:
        redis_client.rpush(NAME, b"one")
        with pytest.raises(FetchError, match="is away: cut"):
            CommandQueue(client, NAME).claim(1)
    assert raws(CommandQueue(redis_client, NAME)) == [b"one"]


def test_redis_away_is_one_line():
    queue = CommandQueue(redis.Redis(port=1, retry=Retry(NoBackoff(), 0)), NAME)
    for call in (lambda: queue.claim(1), lambda: queue.read(1.0), queue.lengths, queue.dead_letters):
        with pytest.raises(FetchError, match="Redis at localhost:1 is away") as caught:
            call()
        assert caught.value.error_type is ErrorType.NETWORK


def test_dead_letters_can_be_tried_again(queue, redis_client):
    failure = ClaimFailure(error_type=ErrorType.NETWORK, error="away")
    for raw in (b'{"command":"fetch","chat":"@one"}', b"no json", b'{"command":"fetch","chat":"@three"}'):
        redis_client.rpush(queue.keys.failed, dead_letter(raw, failure, at=NOW))
    assert [letter.get("chat") for letter in queue.dead_letters()] == ["@three", None, "@one"]
    assert queue.requeue_failed(oldest=2) == 2
    assert redis_client.lrange(NAME, 0, -1) == [b'{"command":"fetch","chat":"@one"}', b"no json"]
    assert queue.requeue_failed() == 1
    assert queue.lengths()["failed"] == 0
    assert queue.requeue_failed() == 0


def test_one_dead_letter_can_be_tried_again_by_its_id(queue, redis_client):
    failure = ClaimFailure(error_type=ErrorType.NETWORK, error="away")
    for raw in (b'{"command":"fetch","command_id":"c1"}', b"no json"):
        redis_client.rpush(queue.keys.failed, dead_letter(raw, failure, at=NOW))
    nameless, named = (letter_id(letter) for letter in queue.dead_letters())
    assert named == "c1"
    assert queue.requeue_one(nameless)
    assert not queue.requeue_one(nameless)
    assert redis_client.lrange(NAME, 0, -1) == [b"no json"]
    assert queue.lengths() == {"queued": 1, "processing": 0, "delayed": 0, "failed": 1}


def _wait_until_blocked(client, other_than=None):
    """The id of the client that waits in a blocking move."""

    def waits(each):
        return "blmove" in each["cmd"] and "b" in each["flags"] and each["id"] != other_than

    return until(
        lambda: next((each["id"] for each in client.client_list() if waits(each)), None),
        what="a client that waits in a blocking move",
    )
