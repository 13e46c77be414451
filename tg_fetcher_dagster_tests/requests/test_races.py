"""What two processes do at the same moment; with `--ledger postgres` their transactions really overlap."""

from threading import Thread

from tg_fetcher_dagster.ledger import asks, open_asks, requests
from tg_fetcher_dagster.requests.asking import NewRequest, ask
from tg_fetcher_dagster.requests.batch_end import settle_batch
from tg_fetcher_dagster.requests.day_events import EventMaker
from tg_fetcher_dagster.requests.request_end import finish
from tg_fetcher_dagster_tests.requests.office import YESTERDAY

A_MOMENT = 1.0
"""Seconds in which a transaction that waits for none is over; one that waits is then let go on."""


def beside(work):
    """Begins work of another process, and lets it come to its end or to a lock."""
    thread = Thread(target=work)
    thread.start()
    thread.join(A_MOMENT)
    return thread


def settle(office, batch):
    return settle_batch(
        office.ledger,
        batch.batch_id,
        rules=office.rules,
        how="ended",
        events=EventMaker("tg_fetcher"),
        now=office.now,
    )


def later_ask(office, connection):
    days = {"ru_python": (YESTERDAY,)}
    return ask(connection, NewRequest(source="schedule", days=days), now=office.now)


def test_who_joins_a_batch_just_as_it_ends_is_not_left_in_it(office):
    office.push()
    (batch,) = office.tick().start
    office.begins(batch)
    with office.ledger.write() as connection:
        late = later_ask(office, connection)
        ending = beside(lambda: settle(office, batch))
    ending.join()
    assert {row["batch_id"] for row in office.open_asks() if row["request_id"] == late} == {None}


def test_a_batch_leaves_no_day_behind_however_many_ask_for_it(office, monkeypatch):
    monkeypatch.setattr(open_asks, "OF_BATCHES", 2)
    for _ in range(5):
        office.push()
    (batch,) = office.tick().start
    office.begins(batch)
    settle(office, batch)
    assert [row["batch_id"] for row in office.open_asks()] == [None] * 5


def test_a_day_that_ends_twice_is_counted_once(office):
    request = office.push(days=2)
    office.tick()
    for _ in range(2):
        with office.ledger.write() as connection:
            asks.end_asks(connection, [request], "ru_python", YESTERDAY, end="fetched", event_id=None)
    assert office.request(request)["open_days"] == 1


def test_a_request_ends_once_and_leaves_one_letter(office):
    """Two see that all days of a request have ended; its letter is taken up between them."""
    request = office.push()
    with office.ledger.write() as connection:
        requests.change(connection, [{"request_id": request, "state": "planned", "failed_days": 1}])
    with office.ledger.read() as connection:
        (seen,) = requests.answered(connection, 10)
    with office.ledger.write() as connection:
        assert [each.request_id for each in finish(connection, now=office.now)] == [request]
        assert requests.end_answered(connection, [seen.request_id], "failed", at=office.now) == set()


def test_who_asks_while_a_day_is_being_told_is_told_by_another_event(office):
    office.push(command_id="a")
    (batch,) = office.tick().start
    office.begins(batch)
    with office.ledger.write() as connection:
        told = asks.askers_of(connection, batch.batch_id, "ru_python", YESTERDAY)
    office.push(command_id="b")
    office.tick()
    with office.ledger.write() as connection:
        ids = [each.request_id for each in told]
        asks.end_asks(connection, ids, "ru_python", YESTERDAY, end="fetched", event_id="e")
    assert len(office.open_asks()) == 1
