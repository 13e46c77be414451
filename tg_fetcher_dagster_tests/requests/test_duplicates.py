"""The same ask a moment later is answered by what the first one came to, whose event names both."""

import datetime as dt
from dataclasses import replace

import pytest
import sqlalchemy as sa

from tg_fetcher_dagster.ledger import days
from tg_fetcher_dagster.ledger.tables import asks
from tg_fetcher_dagster.requests.asking import NewRequest, ask
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster_tests.ends import ends_of, told_beside_their_end
from tg_fetcher_dagster_tests.requests.office import TODAY, YESTERDAY, Office


@pytest.fixture(autouse=True)
def _passing_clock(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: office.now)


def fetched_by(office: Office, *commands: str, **values: object) -> None:
    for command_id in commands:
        office.push(command_id=command_id, **values)
    (batch,) = office.tick().start
    office.carries_out(batch)
    office.tick()


def answered(office: Office, command_id: str, **values: object) -> dict:
    """Asks once more; returns the event that answers without a run."""
    office.push(command_id=command_id, **values)
    before = len(office.events())
    assert office.tick().start == []
    (event,) = office.events()[before:]
    return event


def complete(office: Office, *which: dt.date) -> None:
    with office.ledger.write() as connection:
        for day in which:
            days.put(connection, "ru_python", day, {"settled": True, "checksum_sha256": "a" * 64})


@pytest.mark.parametrize("what", [{"mode": "today"}, {"date": str(YESTERDAY)}])
def test_within_the_window_the_first_ones_answer_is_told_again_and_names_both(office: Office, what):
    fetched_by(office, "a", **what)
    (first,) = office.events()
    office.now += 100
    event = answered(office, "b", **what)
    assert (event["event"], event["reason"]) == ("fetch_skipped", "duplicate")
    assert (event["command_ids"], event["duplicate_of"]) == (["a", "b"], first["event_id"])
    assert event["checksum_actual"] == event["checksum_expected"] == first["checksum_sha256"]
    assert event["event_id"] != first["event_id"]
    assert event["final"] is (what != {"mode": "today"})


def test_all_whom_the_first_event_named_are_named_and_each_has_one_end(office: Office):
    fetched_by(office, "a", "b")
    office.now += 10
    assert answered(office, "c")["command_ids"] == ["a", "b", "c"]
    office.now += 10
    assert answered(office, "d")["command_ids"] == ["a", "b", "d"], "who was answered again is no first one"
    assert [len(each) for each in ends_of(office.events()).values()] == [1, 1, 1, 1]
    assert list(told_beside_their_end(office.events())) == []


def test_after_the_window_a_complete_day_is_answered_at_once_for_itself(office: Office):
    fetched_by(office, "a")
    office.now += 301
    event = answered(office, "b")
    assert (event["reason"], event["command_ids"]) == ("complete", ["b"])
    assert event["duplicate_of"] is None


def test_a_window_begins_with_the_answer_and_not_with_its_repetition(office: Office):
    """Who asks for today every two minutes would else get the first reading for ever."""
    fetched_by(office, "a", mode="today")
    for number in range(2):
        office.now += 120
        answered(office, f"again-{number}", mode="today")
    office.now += 120
    office.push(mode="today")
    assert len(office.tick().start) == 1


def test_a_complete_day_that_is_asked_for_twice_at_once_is_answered_once(office: Office):
    complete(office, YESTERDAY)
    for command_id in ("a", "b", "c"):
        office.push(command_id=command_id)
    assert office.tick().start == []
    told = office.events()
    assert [(each["reason"], each["command_ids"]) for each in told] == [
        ("complete", ["a"]), ("duplicate", ["a", "b"]), ("duplicate", ["a", "c"]),
    ]  # fmt: skip
    assert {each["duplicate_of"] for each in told} == {None, told[0]["event_id"]}


@pytest.mark.parametrize(
    ("first", "second"),
    [({}, {"limit": 5}), ({"limit": 5}, {}), ({}, {"date": "2025-11-12"})],
    ids=["a limit", "no limit", "another day"],
)
def test_another_ask_is_no_duplicate(office: Office, first, second):
    fetched_by(office, "a", **first)
    complete(office, YESTERDAY, dt.date(2025, 11, 12))
    office.now += 10
    event = answered(office, "b", **second)
    assert (event["reason"], event["command_ids"]) == ("complete", ["b"])


def test_between_two_asks_of_one_kind_another_one_takes_nothing_away(office: Office):
    fetched_by(office, "a")
    office.now += 10
    answered(office, "few", limit=5)
    office.now += 10
    assert answered(office, "b")["command_ids"] == ["a", "b"]


def test_force_is_never_answered_by_what_was_read_before(office: Office):
    fetched_by(office, "a")
    office.now += 10
    office.push(command_id="forced", force=True)
    (batch,) = office.tick().start
    assert batch.force
    office.carries_out(batch)
    office.tick()
    office.now += 10
    assert answered(office, "b")["command_ids"] == ["forced", "b"]


def test_who_asked_without_a_command_is_not_named(office: Office):
    with office.ledger.write() as connection:
        ask(connection, NewRequest(source="schedule", days={"ru_python": (YESTERDAY,)}), now=office.now)
    (batch,) = office.tick().start
    office.carries_out(batch)
    office.tick()
    office.now += 10
    event = answered(office, "b")
    assert (event["reason"], event["command_ids"]) == ("duplicate", ["b"])
    assert event["duplicate_of"] == office.events()[0]["event_id"]


def test_a_command_that_is_sent_again_under_its_own_id_is_named_once(office: Office):
    fetched_by(office, "a", "b")
    office.now += 10
    assert answered(office, "a")["command_ids"] == ["b", "a"]
    assert list(told_beside_their_end(office.events())) == []


def test_an_answer_whose_file_is_gone_answers_nobody(office: Office, tmp_path):
    fetched_by(office, "a", mode="today")
    office.rules = replace(office.rules, store=Store(tmp_path / "data", timezone="UTC"))
    office.now += 10
    office.push(mode="today")
    assert len(office.tick().start) == 1


def test_midnight_makes_it_another_ask(office: Office):
    fetched_by(office, "a", mode="today")
    complete(office, TODAY)
    office.now += 12 * 3600 - 100  # read just before midnight
    with office.ledger.write() as connection:
        connection.execute(sa.update(asks).values(ended_at=office.now))
    office.now += 200
    event = answered(office, "b", date=str(TODAY))
    assert (event["reason"], event["command_ids"]) == ("complete", ["b"])


def test_an_end_after_now_is_no_answer_of_a_moment_ago(office: Office):
    """The clock was ahead and was put right: nobody is answered by that end until it has come."""
    fetched_by(office, "a", mode="today")
    office.now -= 86_400 / 4
    office.push(mode="today")
    assert len(office.tick().start) == 1


def test_without_a_window_every_ask_is_answered_for_itself(office: Office):
    office.rules = replace(office.rules, duplicate_seconds=0.0)
    complete(office, YESTERDAY)
    for command_id in ("a", "b"):
        office.push(command_id=command_id)
    office.tick()
    assert [(each["reason"], each["command_ids"]) for each in office.events()] == [
        ("complete", ["a"]), ("complete", ["b"]),
    ]  # fmt: skip
