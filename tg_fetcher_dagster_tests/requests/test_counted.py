"""What asks leave in the totals, each in the transaction in which it happens."""

import datetime as dt
import json

import pytest

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import attempts
from tg_fetcher_dagster.ledger.measures import Total, fold, read_totals
from tg_fetcher_dagster.metrics.counted import (
    DEAD_LETTERS,
    ERRORS,
    FETCHES,
    HOP_SECONDS,
    REFUSED,
    REQUEST_DURATION,
    REQUESTS,
    RETRIES,
    RUNS,
)
from tg_fetcher_dagster.requests.batch_end import note_failure
from tg_fetcher_dagster.requests.registration import begin_run
from tg_fetcher_dagster.requests.runs import RunState, RunStatus
from tg_fetcher_dagster.requests.spool import FOLDER, SpoolFolder
from tg_fetcher_dagster_tests.measured import series_of
from tg_fetcher_dagster_tests.requests.office import NOON, YESTERDAY, Office


def at(seconds: float) -> str:
    return dt.datetime.fromtimestamp(NOON + seconds, dt.UTC).isoformat()


def totals(office: Office, name: str, *labels: str) -> list[Total]:
    fold(office.ledger)
    with office.ledger.read() as connection:
        return [each for each in read_totals(connection) if (each.metric, each.labels) == (name, labels)]


def begins(office: Office, batch, run_id: str | None = None) -> str:
    """A run registers, as its step does."""
    run_id = run_id or f"run-of-{batch.batch_id}"
    begin_run(
        office.ledger,
        run_id=run_id,
        batch_id=batch.batch_id,
        parent_run_id=None,
        chats=dict.fromkeys(batch.chats, batch.days),
    )
    office.runs[batch.batch_id] = office.runs[run_id] = RunState(RunStatus.ACTIVE, run_id=run_id)
    return run_id


def test_the_wait_in_the_queue_is_told_by_the_producers_own_timestamp(office: Office):
    office.push(date="2025-11-10", timestamp=at(-40))
    office.now += 3
    office.tick()
    [queue] = totals(office, HOP_SECONDS.name, "queue")
    [plan] = totals(office, HOP_SECONDS.name, "plan")
    assert (queue.bound, queue.value, queue.count) == (60, 40, 1)
    assert (plan.bound, plan.value, plan.count) == (5, 3, 1)


@pytest.mark.parametrize("told", [60.0, -8 * 86_400.0])
def test_a_timestamp_that_cannot_be_true_tells_no_wait(office: Office, told: float):
    office.push(date="2025-11-10", timestamp=at(told))
    office.push(date="2025-11-11")
    office.tick()
    assert totals(office, HOP_SECONDS.name, "queue") == []
    assert sum(each.count for each in totals(office, HOP_SECONDS.name, "plan")) == 2


def test_each_ask_begins_once_however_often_its_run_registers(office: Office):
    office.push(date="2025-11-12", command_id="a")
    office.push(date="2025-11-13", command_id="b")
    (batch,) = office.tick().start
    begins(office, batch, "run-1")
    assert sum(each.count for each in totals(office, HOP_SECONDS.name, "start")) == 2
    assert series_of(office.ledger, RETRIES.name) == {}

    begins(office, batch, "run-1")

    assert sum(each.count for each in totals(office, HOP_SECONDS.name, "start")) == 2
    assert series_of(office.ledger, RETRIES.name) == {("step",): 1}


def test_a_day_that_gets_another_run_is_a_retry_and_no_new_start(office: Office):
    office.push(date="2025-11-13")
    (batch,) = office.tick().start
    begins(office, batch)
    with office.ledger.write() as connection:
        note_failure(
            connection, batch.batch_id, "ru_python", YESTERDAY, FetchError(ErrorType.INTERNAL, "it broke")
        )
    office.ends(batch, RunStatus.FAILED, died=True)
    office.tick()
    assert series_of(office.ledger, RETRIES.name).get(("day",), 0) == 0, "nobody retries a fault of our own"

    office.push(date="2025-11-12")
    (batch,) = office.tick().start
    begins(office, batch)
    office.ends(batch, RunStatus.FAILED, died=True)
    office.tick()
    office.now += 3_600
    (again,) = office.tick().start
    started = sum(each.count for each in totals(office, HOP_SECONDS.name, "start"))
    begins(office, again)

    assert series_of(office.ledger, RETRIES.name) == {("day",): 1}
    assert sum(each.count for each in totals(office, HOP_SECONDS.name, "start")) == started


def test_a_run_that_died_is_counted_by_whoever_finds_it_dead_once(office: Office):
    office.push(date="2025-11-13")
    (batch,) = office.tick().start
    run_id = begins(office, batch)
    office.ends(batch, RunStatus.FAILED, died=True)

    office.tick()
    office.tick()

    assert series_of(office.ledger, RUNS.name) == {("died",): 1}
    with office.ledger.write() as connection:
        assert not attempts.beat(connection, run_id), "one that comes to life again is told to stop"


def test_days_of_a_cancelled_run_are_counted_those_of_one_that_never_began_are_not(office: Office):
    office.push(days=3)
    (batch,) = office.tick().start
    begins(office, batch)
    office.ends(batch, RunStatus.CANCELED)
    office.tick()
    office.push(date="2025-11-01")
    (batch,) = office.tick().start
    office.now += 3_600
    office.tick()
    assert not office.request("r0002")["ended_at"]
    assert series_of(office.ledger, FETCHES.name) == {("cancelled",): 3}


def test_asks_are_counted_by_who_asks_and_how_long_they_took(office: Office, tmp_path):
    office.sources = [SpoolFolder(tmp_path)]
    (tmp_path / FOLDER).mkdir()
    for number, date in enumerate(("2025-11-13", "no date")):
        command = {"command": "fetch", "chat": "@ru_python", "date": date}
        (tmp_path / FOLDER / f"{number}.json").write_text(json.dumps(command))
    (batch,) = office.tick().start
    office.now += 90
    office.carries_out(batch)
    office.tick()

    assert series_of(office.ledger, REQUESTS.name) == {("spool",): 2}
    assert series_of(office.ledger, REFUSED.name) == {("spool",): 1}
    assert series_of(office.ledger, DEAD_LETTERS.name) == {("validation",): 1}
    [took] = totals(office, REQUEST_DURATION.name, "spool")
    assert (took.count, took.value) == (1, 90)


def test_a_day_whose_workers_are_killed_each_time_fails_once_in_the_figures(office: Office):
    office.push(date="2025-11-13")
    for _ in range(office.rules.max_attempts + 1):
        (batch,) = office.tick().start
        begins(office, batch)
        office.ends(batch, RunStatus.FAILED, died=True)
        office.tick()
        office.now += 3_600

    assert [event["event"] for event in office.events()] == ["fetch_failed"]
    assert series_of(office.ledger, FETCHES.name) == {("failed",): 1}
    assert series_of(office.ledger, ERRORS.name) == {("internal",): 1}
    assert series_of(office.ledger, RETRIES.name) == {("day",): office.rules.max_attempts}
    assert series_of(office.ledger, RUNS.name) == {("died",): office.rules.max_attempts + 1}


def test_a_run_that_fails_before_it_says_a_word_of_its_days_is_counted_by_its_own_error(office: Office):
    office.push(days=2)
    (batch,) = office.tick().start
    begins(office, batch)
    office.ends(batch, RunStatus.FAILED, error=FetchError(ErrorType.STORAGE, "the disk is full"))
    office.tick()
    assert series_of(office.ledger, FETCHES.name) == {("waits",): 2}
    assert series_of(office.ledger, ERRORS.name) == {("storage",): 2}
