"""How a day ended is recorded once for each request, with what it tells of or not at all."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import orjson
import pytest

from tg_fetcher_dagster.events.recording import record, record_all
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster_tests.events.recorded import pending_count, put
from tg_fetcher_dagster_tests.events.telling import DAY, REQUEST, failed, fetched, progress, skipped


def ends(ledger, request_id=REQUEST):
    """Returns how the chats and days of a request ended, in order."""
    with ledger.read() as connection:
        told = [each for each in outbox.recorded_after(connection, 0) if each.request_id == request_id]
    bodies = [orjson.loads(each.body) for each in told]
    return [(body["chat"], body["date"], body["event"]) for body in bodies]


def test_a_request_tells_the_end_of_a_chat_and_day_once(ledger):
    assert put(ledger, fetched(), request_id=REQUEST) == [True]
    assert put(ledger, fetched(), failed(), skipped(), request_id=REQUEST) == [False, False, False]
    assert put(ledger, skipped(), request_id="another-request") == [True]
    assert ends(ledger) == [("ru_python", "2025-11-07", "messages_fetched")]
    assert ends(ledger, "another-request") == [("ru_python", "2025-11-07", "fetch_skipped")]


@pytest.mark.parametrize("at_once", [False, True])
def test_each_chat_and_day_of_a_request_ends_and_a_refusal_may_have_neither(ledger, at_once):
    told = [
        fetched(),
        failed(date=DAY + timedelta(days=1)),
        failed(chat="Not A Chat/..", date=None),
        failed(chat=None, date=None),
    ]
    for _ in range(2):
        if at_once:
            with ledger.write() as connection:
                record_all(connection, [(event, REQUEST) for event in told])
        else:
            put(ledger, *told, request_id=REQUEST)
    put(ledger, skipped(chat="other"), request_id="fetch-2")
    assert ends(ledger) == [
        ("ru_python", "2025-11-07", "messages_fetched"),
        ("ru_python", "2025-11-08", "fetch_failed"),
        ("Not A Chat/..", None, "fetch_failed"),
        (None, None, "fetch_failed"),
    ]


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
    assert put(ledger, failed(chat=chat, date=None), request_id=REQUEST) == [False]
    assert ends(ledger) == [(chat, None, "fetch_failed")]


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
