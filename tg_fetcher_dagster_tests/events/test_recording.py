"""How a day ended is recorded once for each request, with what it tells of or not at all."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest

from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.events.recording import OutcomeRecord, outcomes_of, record
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster_tests.events.recorded import pending_count, put
from tg_fetcher_dagster_tests.events.telling import DAY, REQUEST, failed, fetched, progress, skipped


def test_a_request_tells_the_end_of_a_chat_and_day_once(ledger):
    assert put(ledger, fetched(), request_id=REQUEST) == [True]
    assert put(ledger, fetched(), failed(), skipped(), request_id=REQUEST) == [False, False, False]
    assert put(ledger, skipped(), request_id="another-request") == [True]
    with ledger.read() as connection:
        assert outbox.event_of(connection, REQUEST, "ru_python", DAY) == "messages_fetched"
        assert outbox.event_of(connection, "another-request", "ru_python", DAY) == "fetch_skipped"
        assert outbox.event_of(connection, REQUEST, "ru_python", None) is None
    assert pending_count(ledger) == 2


def test_what_a_request_ended_in_is_found_by_chat_and_day(ledger):
    other_day = DAY + timedelta(days=1)
    events = [
        fetched(),
        failed(date=other_day),
        failed(chat="Not A Chat/..", date=None),
        failed(chat=None, date=None),
    ]
    assert put(ledger, *events, request_id=REQUEST) == [True] * 4
    assert put(ledger, *events, request_id=REQUEST) == [False] * 4
    put(ledger, skipped(chat="other"), request_id="fetch-2")
    failure = OutcomeRecord("fetch_failed", ErrorType.NO_ACCESS, "the chat is private", retryable=False)
    with ledger.read() as connection:
        assert outcomes_of(connection, REQUEST) == {
            ("ru_python", DAY): OutcomeRecord("messages_fetched"),
            ("ru_python", other_day): failure,
            ("Not A Chat/..", None): failure,
            (None, None): failure,
        }
        assert outbox.event_of(connection, REQUEST, None, None) == "fetch_failed"
        assert outcomes_of(connection, "nobody") == {}


def test_an_event_goes_with_the_transaction_that_it_tells_of(ledger):
    def ends_and_breaks():
        with ledger.write() as connection:
            record(connection, fetched(), request_id=REQUEST)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ends_and_breaks()
    assert pending_count(ledger) == 0


def test_progress_is_no_end_of_a_day(ledger):
    with ledger.write() as connection, pytest.raises(ValueError, match="fetch_progress is no end of a day"):
        record(connection, progress(1), request_id=REQUEST)


@pytest.mark.parametrize("chat", ["x" * 60_000, "a\0b", "два слова"])
def test_a_refused_spelling_of_any_length_is_told_whole(ledger, chat):
    assert put(ledger, failed(chat=chat, date=None), request_id=REQUEST) == [True]
    with ledger.read() as connection:
        assert set(outcomes_of(connection, REQUEST)) == {(chat, None)}
        assert outbox.event_of(connection, REQUEST, chat, None) == "fetch_failed"


def test_putting_and_asking_read_no_more_the_more_events_wait(tmp_path):
    """SQLite's plans of the statements: an index each, and no step over the whole table."""
    plans = []
    with closing(Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")) as here, here.read() as connection:
        for sql in (
            "SELECT event FROM events WHERE request_id = 'a' AND chat = 'b' AND date = '2025-11-07'",
            "SELECT seq FROM events WHERE published_at IS NULL AND set_aside_at IS NULL ORDER BY seq LIMIT 5",
            "SELECT seq FROM events WHERE published_at < 5 ORDER BY published_at LIMIT 5",
        ):
            plans += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    assert len(plans) == 3
    assert all("USING" in plan and "INDEX" in plan for plan in plans), plans
    assert "ix_events_pending" in plans[1]


def test_many_processes_that_end_one_day_at_once_tell_it_once(ledger, ledger_url):
    def end(number):
        with closing(Ledger.open(ledger_url)) as mine, mine.write() as connection:
            event = fetched() if number % 2 else skipped()
            return record(connection, event, request_id=REQUEST)

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(end, range(8))) == [False] * 7 + [True]
    assert pending_count(ledger) == 1
