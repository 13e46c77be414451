"""What the ledger knows, as the monitor shows it, over each database."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tg_fetcher_dagster.ledger import attempts, batches, conditions, days, outbox
from tg_fetcher_dagster.ledger.accounts import put_quarantine
from tg_fetcher_dagster.ledger.database import Ledger, now
from tg_fetcher_dagster.ledger.measures import Measure, fold, measure
from tg_fetcher_dagster.ledger.tables import asks, chats, requests
from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.metrics.counted import MESSAGES, PACE_SECONDS
from tg_fetcher_dagster.metrics.kinds import Metric
from tg_fetcher_dagster.monitoring.ledger_facts import LedgerFacts
from tg_fetcher_dagster.monitoring.ledger_source import DAYS_EVERY, LedgerSource, fold_all
from tg_fetcher_dagster.monitoring.reader import Reading
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.fixtures_ledger import NewLedger

AT = 1_762_941_600.0
"""2025-11-12, 10:00 UTC."""


@pytest.fixture
def settings(ledger_url: str, tmp_path: Path) -> Settings:
    return Settings(
        ledger_url=ledger_url,
        session_dir=tmp_path / "none",
        history_start=date(2025, 11, 1),
        metrics_chats=2,
        heal_days=3,
        rate_limit_calls_per_sec=1.5,
    )


class Clock:
    """Seconds since 1970 that a test moves."""

    now = AT

    def __call__(self) -> float:
        return self.now


def values(reading: Reading[Any], metric: Metric) -> dict[tuple[str, ...], float]:
    """A metric's samples, by its labels in their own order."""
    return {
        tuple(sample.labels[label] for label in metric.labels): sample.value
        for family in text_string_to_metric_families(reading.text.decode())
        for sample in family.samples
        if sample.name == metric.name
    }


def request(connection: sa.Connection, number: int, **more: Any) -> None:
    row = {"request_id": f"r{number}", "source": "redis", "state": "planned", "correlation_id": "k",
           "received_at": AT - 100 * number}  # fmt: skip
    connection.execute(sa.insert(requests).values(**{**row, **more}))


def ask(connection: sa.Connection, number: int, chat: str, day: int, **more: Any) -> None:
    row = {"request_id": f"r{number}", "chat": chat, "date": date(2025, 11, day), "seq": number}
    connection.execute(sa.insert(asks).values(**row, priority=0, **more))


@pytest.fixture
def busy(ledger: Ledger) -> Iterator[Ledger]:
    """A ledger in which something of everything is under way."""
    with ledger.write() as connection:
        for number, key in enumerate(("news", "club", "old", "gone", "shut")):
            row = {"key": key, "marked_id": number, "identity": "{}", "updated_at": 1.0}
            extra = {
                "old": {"paused": True},
                "gone": {"forgotten_at": 1.0},
                "shut": {"refused_type": "no_access"},
            }
            connection.execute(sa.insert(chats).values(**row, **extra.get(key, {})))
        for day in (10, 11):
            values = {
                "settled": True,
                "fetched_at": AT - day,
                "message_count": day,
            }
            days.put(connection, "news", date(2025, 11, day), values)
        lossy = {"settled": True, "fetched_at": AT - 5, "losses": 1}
        days.put(connection, "club", date(2025, 11, 9), lossy)
        days.put(connection, "club", date(2025, 11, 10), {"given_up_at": AT - 1, "error": "no"})
        request(connection, 1)
        request(connection, 2, requested_at=AT - 250)
        request(connection, 3, state="new", requested_at=AT - 10**9)
        request(connection, 4, source="schedule")
        request(connection, 5, state="done")
        batch = batches.Batch(
            batch_id="b", chats=("news",), first=date(2025, 11, 9), last=date(2025, 11, 9), state="running",
        )  # fmt: skip
        batches.put(connection, batch)
        ask(connection, 1, "news", 9, batch_id="b")
        ask(connection, 2, "club", 11)
        ask(connection, 2, "club", 12, wait_until=AT + 60)
        attempts.begin(connection, "run", batch_id="b", host="h", pid=1, account="main")
        connection.execute(sa.text("UPDATE attempts SET heartbeat_at = :at"), {"at": AT - 7})
        conditions.condition_begins(connection, "redis_commands", "it is away")
        connection.execute(sa.text("UPDATE conditions SET since = :at"), {"at": AT - 40})
        put_quarantine(connection, "second", "the session was ended", AT)
        outbox.put(
            connection,
            event_id="e",
            request_id="r1",
            event="fetch_failed",
            chat="news",
            date=date(2025, 11, 1),
            body="{}",
        )
        connection.execute(sa.text("UPDATE events SET recorded_at = :at"), {"at": AT - 33})
    return ledger


def test_each_state_is_shown(busy: Ledger, settings: Settings) -> None:
    reading = LedgerSource(settings, clock=Clock()).read()
    shows = lambda metric: values(reading, metric)  # noqa: E731
    assert shows(shown.OPEN_REQUESTS) == {
        ("new",): 1, ("waiting",): 0, ("unresolved",): 0, ("planned",): 3,
    }  # fmt: skip
    assert shows(shown.OPEN_DAYS) == {("ready",): 1, ("running",): 1, ("delayed",): 1}
    assert shows(shown.GIVEN_UP_DAYS) == {(): 1}
    assert shows(shown.WORKERS) == {(): 1}
    assert shows(shown.HEARTBEAT_AGE) == {(): pytest.approx(7)}
    assert shows(shown.LEASE_AGE) == {("main",): pytest.approx(7), ("second",): 0}
    assert shows(shown.ACCOUNT_STATE)["second", "quarantined"] == 1
    assert shows(shown.CONDITION) == {("redis_away",): 1, ("telegram_away",): 0}
    assert shows(shown.CONDITION_AGE)["redis_away",] == pytest.approx(40)
    assert shows(shown.EVENTS_PENDING) == {(): 1}
    assert shows(shown.EVENTS_AGE) == {(): pytest.approx(33)}
    assert shows(shown.CHATS) == {("read",): 2, ("paused",): 1, ("refused",): 1}
    assert shows(shown.NEWEST_SUCCESS) == {(): pytest.approx(AT - 5)}
    assert shows(shown.PACE) == {("main",): 1.5, ("second",): 1.5}
    assert shows(shown.LEDGER_SIZE)[()] > 4096


def test_the_oldest_commands_are_those_of_somebody_who_waits_by_a_timestamp_that_can_be(
    busy: Ledger, settings: Settings
) -> None:
    oldest = LedgerSource(settings, clock=Clock()).read().facts.oldest
    # The third says 30 years ago: it is as old as its arrival. The schedule's is nobody's command.
    assert (oldest.planned, oldest.running) == (AT - 300, AT - 100)


def test_days_are_shown_by_chat_and_the_rest_as_one(busy: Ledger, settings: Settings) -> None:
    reading = LedgerSource(settings, clock=Clock()).read()
    # Two places: news has the most messages, then by name.
    assert values(reading, shown.MISSING) == {("news",): 1, ("club",): 2, ("other",): 0}
    # The 9th of news and the 11th of club are asked for since less than six hours; the 10th was given up.
    assert values(reading, shown.OVERDUE) == {("news",): 0, ("club",): 0, ("other",): 0}
    assert values(reading, shown.DAYS_WITH_LOSSES) == {("news",): 0, ("club",): 1, ("other",): 0}
    assert values(reading, shown.LAST_SUCCESS) == {
        ("news",): pytest.approx(AT - 11), ("club",): pytest.approx(AT - 5),
    }  # fmt: skip
    later = settings.model_copy(update={"day_deadline_hours": 0.01})
    overdue = values(LedgerSource(later, clock=Clock()).read(), shown.OVERDUE)
    assert overdue == {("news",): 1, ("club",): 1, ("other",): 0}


def test_days_are_looked_at_less_often_than_all_else(busy: Ledger, settings: Settings) -> None:
    clock = Clock()
    source = LedgerSource(settings, clock=clock)
    source.read()
    with busy.write() as connection:
        days.put(connection, "news", date(2025, 11, 9), {"settled": True, "fetched_at": AT})
    clock.now += DAYS_EVERY - 1
    assert values(source.read(), shown.MISSING)["news",] == 1
    clock.now += 1
    assert values(source.read(), shown.MISSING)["news",] == 0


def test_a_counter_is_the_same_before_and_after_its_measures_were_added_up(
    ledger: Ledger, settings: Settings
) -> None:
    source = LedgerSource(settings)
    with ledger.write() as connection:
        measure(connection, [Measure(MESSAGES, ("a",), 5)])
    for _ in range(2):
        assert values(source.read(), MESSAGES) == {("a",): 5}
        assert values(LedgerSource(settings).read(), MESSAGES) == {("a",): 5}
        fold_all(settings)


def test_what_is_shown_of_sums_never_runs_backwards(new_ledger: NewLedger, tmp_path: Path) -> None:
    """Added up in whatever order, by whoever folds, and after each restart of the monitor."""

    @settings_of_hypothesis(max_examples=12)  # each makes ledgers
    @given(st.lists(st.lists(st.floats(0.001, 500), min_size=1, max_size=20), min_size=2, max_size=6))
    def check(rounds: list[list[float]]) -> None:
        settings = Settings(ledger_url=new_ledger(), session_dir=tmp_path / "none")
        last = 0.0
        with Ledger.open(settings.ledger_location) as ledger:
            for number, seconds in enumerate(rounds):
                with ledger.write() as connection:
                    for each in seconds:
                        measure(connection, [Measure(PACE_SECONDS, ("main",), each)])
                for limit in (3, 100 if number % 2 else 2):
                    shown_now = values(LedgerSource(settings).read(), PACE_SECONDS)["main",]
                    assert shown_now >= last
                    last = shown_now
                    fold(ledger, limit=limit)

    check()


def test_a_ledger_that_takes_no_writes_is_still_read(ledger: Ledger, settings: Settings) -> None:
    with ledger.write() as connection:
        measure(connection, [Measure(MESSAGES, ("a",), 5)])
    with ledger.write() as connection:
        measure(connection, [Measure(MESSAGES, ("a",), 1)])
        reading = LedgerSource(settings).read()  # while somebody holds the lock
    assert values(reading, MESSAGES) == {("a",): 5}
    assert isinstance(reading.facts, LedgerFacts)
    assert reading.facts.at <= now()
