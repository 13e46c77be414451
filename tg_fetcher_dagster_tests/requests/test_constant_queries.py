"""A tick asks the ledger as many questions whatever there is to do: with 3 of a thing as with 60."""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import days
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import asks, batches
from tg_fetcher_dagster.requests import chat_facts, ended_batches, spool, starting
from tg_fetcher_dagster.requests.asking import NewRequest, ask
from tg_fetcher_dagster.requests.batch_end import note_failure
from tg_fetcher_dagster.requests.daily_round import plan_round
from tg_fetcher_dagster.requests.runs import RunStatus
from tg_fetcher_dagster.requests.spool import SpoolFolder
from tg_fetcher_dagster_tests.requests.office import YESTERDAY, Office

FEW, MANY = 3, 60
ENDS = (
    FetchError(ErrorType.NETWORK, "lost"),
    FetchError(ErrorType.RATE_LIMIT, "flood", retry_after=60),
    FetchError(ErrorType.NO_ACCESS, "may not read"),
)


@contextmanager
def statements(ledger: Ledger) -> Iterator[list[str]]:
    """Gives the statements that the ledger is asked; one for many rows counts once."""
    asked: list[str] = []

    def note(_connection, _cursor, statement, _values, _context, _many) -> None:
        asked.append(statement)

    sa.event.listen(ledger.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sa.event.remove(ledger.engine, "before_cursor_execute", note)


@pytest.fixture
def deployment(new_ledger, tmp_path) -> Iterator:
    """Makes deployments that know so many chats and may ask for a run of each."""
    ledgers = []

    def made(number: int) -> Office:
        ledgers.append(Ledger.open(new_ledger()))
        office = Office(ledgers[-1], tmp_path, rules=replace(Office.rules, runs_ahead=100))
        office.knows(*names(number))
        return office

    yield made
    for each in ledgers:
        each.close()


def names(number: int) -> list[str]:
    return [f"chat_nr{each:03d}" for each in range(number)]


def rounds_of_all(office: Office, number: int, *, source: str = "schedule", of: int = 2) -> None:
    """Asks for days that are no rectangle's: several of each chat."""
    dates = tuple(YESTERDAY - dt.timedelta(days=each) for each in reversed(range(of)))
    with office.ledger.write() as connection:
        for name in names(number):
            ask(connection, NewRequest(source=source, days={name: dates}, priority=50), now=office.now)


def settle(office: Office, number: int) -> list[str]:
    rounds_of_all(office, number)
    for place, batch in enumerate(office.tick().start):
        office.begins(batch)
        if place % 5 == 4:
            office.ends(batch, RunStatus.CANCELED)
            continue
        with office.ledger.write() as connection:
            for day in batch.days:
                note_failure(connection, batch.batch_id, batch.chats[0], day, ENDS[place % 3])
        office.ends(batch, RunStatus.FAILED, died=place % 5 == 3)
    with statements(office.ledger) as asked:
        office.tick()
    assert {row["state"] for row in office.rows(batches)} == {"ended"}
    assert len(office.rows(batches)) == number
    return asked


def cut(office: Office, number: int) -> list[str]:
    rounds_of_all(office, number)
    with statements(office.ledger) as asked:
        assert len(office.tick().start) == number
    return asked


def round_of_chats(office: Office, number: int) -> list[str]:
    with statements(office.ledger) as asked:
        found = plan_round(
            office.ledger, names(number), YESTERDAY, 14, now=office.now, history_start=dt.date(2025, 1, 1)
        )
    assert len(found.days) == number
    return asked


def spooled(office: Office, number: int) -> list[str]:
    for name in names(number):
        spool.put(office.data_dir, {"command": "fetch", "chat": name, "date": "2025-11-01"})
    with statements(office.ledger) as asked:
        assert SpoolFolder(office.data_dir).take(office.ledger, office.now) == number
    return asked


def incremental(office: Office, number: int) -> list[str]:
    with office.ledger.write() as connection:
        for name in names(number):
            read = {"settled": True, "fetched_at": office.now, "checksum_sha256": "0" * 64}
            days.put(connection, name, YESTERDAY - dt.timedelta(days=3), read)
    for name in names(number):
        office.push(name, mode="incremental")
    with statements(office.ledger) as asked:
        assert office.tick().planned == number
    assert len(office.rows(asks)) == 3 * number
    return asked


CHUNKS = {settle: 1, cut: 2 * 2, round_of_chats: 0, spooled: 0, incremental: 3 + 2 * 2}
"""Statements more: requests end in one statement a state (the many have cancelled ones, too), and of many
chats a handful is looked at at a time: two handfuls more where batches are cut, one where facts are read."""


@pytest.mark.parametrize("what", CHUNKS)
def test_a_tick_asks_as_much_whatever_there_is_to_do(deployment, what):
    few = what(deployment(FEW), FEW)
    many = what(deployment(MANY), MANY)
    assert len(many) <= len(few) + CHUNKS[what], "\n".join(sorted({*many} - {*few}) or many)
    assert (MANY / starting.AT_ONCE, MANY / chat_facts.AT_ONCE) == (3, 1.2)


def test_handfuls_of_batches_are_bounded_and_none_is_left_out(deployment, monkeypatch):
    monkeypatch.setattr(ended_batches, "MOST_BATCHES", 4)
    monkeypatch.setattr(ended_batches, "MOST_DAYS", 5)
    settle(deployment(12), 12)


def test_after_its_time_a_tick_leaves_batches_to_the_next_one(deployment, monkeypatch):
    monkeypatch.setattr(ended_batches, "MOST_BATCHES", 5)
    office = deployment(12)
    rounds_of_all(office, 12)
    for batch in office.tick().start:
        office.begins(batch)
        office.ends(batch)
    result = office.reconciler().tick(office.now, 0.0)
    assert result.more
    assert result.open_batches == 7
    ended = [row["state"] for row in office.rows(batches)].count("ended")
    assert ended == 5
    office.now += 3600
    office.tick()
    assert {row["state"] for row in office.rows(batches)[:12]} == {"ended"}


def test_a_batch_that_cannot_be_settled_is_put_off_and_stops_no_other(deployment):
    office = deployment(12)
    rounds_of_all(office, 12, source="cli")
    started = office.tick().start
    for batch in started:
        office.begins(batch)
        office.ends(batch, died=True, status=RunStatus.FAILED)
    broken = started[5]
    beyond = 2**63 - 1 if office.ledger.is_sqlite else 2**31 - 1
    with office.ledger.write() as connection:
        connection.execute(
            sa.update(asks).where(asks.c.batch_id == broken.batch_id).values(waits=beyond, tries=beyond - 7)
        )
        connection.execute(
            sa.update(asks)
            .where(asks.c.batch_id == broken.batch_id)
            .values(error_type="rate_limit", error="flood", wait_until=office.now + 60)
        )
    with capture_logs() as said:
        office.tick()
    refused = [each for each in said if each["event"].startswith("a batch cannot be settled")]
    assert [each["batch_id"] for each in refused] == [broken.batch_id]
    assert {row["state"] for row in office.rows(batches)} == {"ended"}
    open_asks = office.open_asks()
    assert len(open_asks) == 24
    assert {row["batch_id"] for row in open_asks} == {None}
    put_off = {row["chat"] for row in open_asks if row["wait_until"] == office.now + ended_batches.PUT_OFF}
    assert put_off == set(broken.chats)


def test_no_step_of_a_tick_goes_through_a_table_that_grows(tmp_path):
    """SQLite's plans of what a tick asks: what is open and what was are read by indexes."""
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as here:
        office = Office(here, tmp_path, rules=replace(Office.rules, runs_ahead=100))
        office.knows(*names(FEW))
        asked: dict[str, Any] = {}

        def note(_connection, _cursor, statement, values, _context, many) -> None:
            if statement.startswith(("SELECT", "WITH", "UPDATE")) and "WHERE" in statement:
                asked[statement] = values[0] if many else values

        sa.event.listen(here.engine, "before_cursor_execute", note)
        incremental(office, FEW)
        settle(office, FEW)
        sa.event.remove(here.engine, "before_cursor_execute", note)
        with here.read() as connection:
            steps = [
                (row[3], statement)
                for statement, values in asked.items()
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            ]
    grows = "asks|requests|batches|days|events|attempts|claims|dead_letters"
    whole = re.compile(rf"SCAN ({grows})( USING (COVERING )?INDEX sqlite_autoindex\w+)?$")
    assert [each for each in steps if whole.match(each[0])] == []
    assert len(steps) > 30
