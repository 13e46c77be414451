"""A chat that cannot be read leaves the daily round and comes back by itself."""

import datetime as dt

import pytest
import structlog

from tg_fetcher_dagster.chats.access import (
    ASK_AGAIN_SECONDS,
    note_access,
    refusals,
    refuse,
    welcome_back,
)
from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.errors import ErrorType, FetchError

WHEN = dt.datetime(2025, 11, 7, 0, 15, tzinfo=dt.UTC)
AT = WHEN.timestamp()
DAY = 86_400.0
CLOSED = FetchError(ErrorType.NO_ACCESS, "chat ru_python: the account was removed from it")


@pytest.fixture
def table(ledger):
    table = IdentityTable(ledger)
    for number, key in enumerate(("ru_python", "news")):
        marked_id = -1000000000001 - number
        table.record(
            ChatIdentity(key=key, marked_id=marked_id, type="channel", title=key, username=key, added_at=WHEN)
        )
    return table


def test_a_refused_chat_is_asked_for_once_a_day_and_comes_back(table):
    with table.ledger.write() as connection:
        assert refusals(connection) == {}
        assert refuse(connection, "ru_python", CLOSED, AT)
        assert refusals(connection).keys() == {"ru_python"}
        # The next round comes at the same hour, and half a minute earlier than the answer of the last one.
        assert refusals(connection)["ru_python"].ask_again_at.timestamp() < AT + DAY - 30

        assert not refuse(connection, "ru_python", CLOSED, AT + DAY), "it is nothing new"
        refusal = refusals(connection)["ru_python"]
        assert (refusal.since, refusal.error_type) == (WHEN, ErrorType.NO_ACCESS)
        assert refusal.ask_again_at.timestamp() == AT + DAY + ASK_AGAIN_SECONDS
        assert refusal.line == (
            "no access since 2025-11-07: chat ru_python: the account was removed from it;"
            " asked for again after 2025-11-08 20:15 UTC"
        )

        assert welcome_back(connection, "ru_python")
        assert not welcome_back(connection, "ru_python")
        assert refusals(connection) == {}


@pytest.mark.parametrize("sort", [sort for sort in ErrorType if sort not in {"no_access", "not_found"}])
def test_another_failure_is_not_about_the_chat(table, sort):
    with table.ledger.write() as connection:
        assert not refuse(connection, "ru_python", FetchError(sort, "trouble"), AT)
        assert refusals(connection) == {}


def test_a_later_sight_changes_no_access_and_a_forgotten_chat_has_none(table):
    note_access(table.ledger, "ru_python", CLOSED)
    table.set_paused("ru_python", paused=True)
    with table.ledger.read() as connection:
        assert "ru_python" in refusals(connection)
    known = table.get("ru_python")
    table.remove("ru_python")
    with table.ledger.read() as connection:
        assert refusals(connection) == {}
    table.record(known)
    with table.ledger.read() as connection:
        assert refusals(connection) == {}


def test_what_is_new_is_said_once_and_a_ledger_that_refuses_stops_nothing(table):
    with structlog.testing.capture_logs() as logs:
        note_access(table.ledger, "ru_python", None)
        note_access(table.ledger, "ru_python", CLOSED)
        note_access(table.ledger, "ru_python", CLOSED)
        note_access(table.ledger, "ru_python", None)
        note_access(table.ledger, "ru_python", None)
        note_access(table.ledger, "ru_python", FetchError(ErrorType.NETWORK, "away"))
    assert [each["event"] for each in logs] == ["a chat leaves the daily round", "a chat can be read again"]
    with table.ledger.write() as connection:
        connection.exec_driver_sql("DROP TABLE chats")
    with structlog.testing.capture_logs() as logs:
        note_access(table.ledger, "ru_python", CLOSED)
    assert [each["event"] for each in logs] == ["not kept whether a chat can be read"]
