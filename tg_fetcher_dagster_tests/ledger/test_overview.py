"""What status counts and who waits is told, over each database."""

from datetime import date
from typing import Any

import sqlalchemy as sa

from tg_fetcher_dagster.ledger import batches, days, overview, request_progress
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import asks, requests


def request(connection: sa.Connection, number: int, state: str, **more: Any) -> None:
    row = {"request_id": f"r{number}", "source": "redis", "state": state, "correlation_id": "k",
           "command_id": f"c{number}", "received_at": 1.0}  # fmt: skip
    connection.execute(sa.insert(requests).values(**{**row, **more}))


def ask(connection: sa.Connection, number: int, day: int, **more: Any) -> None:
    row = {"request_id": f"r{number}", "chat": "news", "date": date(2025, 11, day), "seq": number}
    connection.execute(sa.insert(asks).values(**row, priority=0, **more))


def test_days_are_counted_by_chat(ledger: Ledger):
    with ledger.write() as connection:
        for day in (3, 1):
            days.put(connection, "news", date(2025, 11, day), {"settled": True, "fetched_at": 1.0})
        days.put(connection, "news", date(2025, 10, 30), {"given_up_at": 5.0, "error": "no"})
        doubt = {"due_at": 9.0, "error_type": "suspicious_deletion"}
        days.put(connection, "club", date(2025, 11, 2), doubt)
    with ledger.read() as connection:
        assert days.first_days(connection) == {
            "news": date(2025, 10, 30), "club": date(2025, 11, 2),
        }  # fmt: skip
        settled = overview.settled_days_of(connection, ["news", "club"])
        assert {key: set(of) for key, of in settled.items()} == {"news": {"2025-11-01", "2025-11-03"}}
        assert overview.settled_between(connection, "news", date(2025, 11, 2), date(2025, 11, 3)) == 1
        assert overview.day_edges(connection) == {
            "news": overview.Edges(date(2025, 10, 30), date(2025, 11, 3)),
            "club": overview.Edges(date(2025, 11, 2), None),
        }
        assert overview.day_sums(connection) == {
            "news": overview.Sums(2, 0, 1.0), "club": overview.Sums(0, 0, None),
        }  # fmt: skip
        assert overview.given_up_days_of_chats(connection) == {"news": 1}
        assert overview.doubted_days(connection) == [("club", date(2025, 11, 2))]
        assert overview.size_bytes(connection) > 0


def test_what_is_asked_for_is_counted_and_waits_are_told_with_their_reason(ledger: Ledger):
    with ledger.write() as connection:
        request(connection, 1, "planned")
        request(connection, 2, "done")
        request(connection, 3, "new", source="spool")
        ask(connection, 1, 1, wait_until=50.0, error_type="rate_limit", error="FLOOD_WAIT")
        ask(connection, 1, 2, wait_until=60.0, error_type="rate_limit", error="FLOOD_WAIT")
        ask(connection, 1, 3, state="fetched", ended_at=5.0)
    with ledger.read() as connection:
        assert overview.open_requests(connection) == {"redis": 1, "spool": 1}
        assert overview.open_days_of_chats(connection) == {"news": (2, date(2025, 11, 1))}
        assert overview.waits(connection, 40.0) == [
            overview.Wait(chat="news", error_type="rate_limit", error="FLOOD_WAIT", days=2, until=50.0)
        ]
        assert request_progress.open_counts(connection) == (2, 2)
        assert request_progress.open_counts(connection, command_ids=["c1"], chat="news") == (1, 2)


def test_the_progress_of_a_command_is_that_of_its_own_days(ledger: Ledger):
    with ledger.write() as connection:
        request(connection, 1, "planned", open_days=1)
        request(connection, 2, "planned", open_days=1)
        batch = batches.Batch(
            batch_id="b", chats=("news",), first=date(2025, 11, 1), last=date(2025, 11, 1), state="asked"
        )
        batches.put(connection, batch)
        ask(connection, 1, 1, batch_id="b")
        ask(connection, 1, 2, state="failed", error="no access", ended_at=5.0)
        ask(connection, 2, 1, batch_id="b2")
    with ledger.read() as connection:
        [asked] = request_progress.requests_of_commands(connection, ["c1"])
        [end] = request_progress.ended_days(connection, ["r1"], 0.0)
        [left] = request_progress.open_days(connection, ["r1"])
        assert request_progress.own_batches(connection, ["c1"]) == {"b"}
    assert (asked.request_id, asked.state, asked.open_days) == ("r1", "planned", 1)
    assert (end.date, end.end, end.error, end.failed) == (date(2025, 11, 2), "failed", "no access", True)
    assert (left.first, left.batch_state) == (date(2025, 11, 1), "asked")
