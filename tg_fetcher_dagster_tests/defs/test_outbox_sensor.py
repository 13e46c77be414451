"""The outbox sensor's ticks: a trouble that lasts is said once, and a tick goes on where one stopped."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest
import redis

from tg_fetcher_dagster.defs.sensors.outbox import outbox
from tg_fetcher_dagster.events import draining
from tg_fetcher_dagster.ledger.conditions import standing_conditions
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.events.recorded import on_the_stream, pending_count, put
from tg_fetcher_dagster_tests.events.telling import REQUEST, failed, fetched, skipped

AWAY = "redis://127.0.0.1:1"
Tick = Callable[..., str]


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ledger_url: str) -> Callable[[str], None]:
    """Writes `.env`; the ledger is the test's."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)

    def write(redis_url: str, **more: str) -> None:
        values = {"REDIS_URL": redis_url, "LEDGER_URL": ledger_url, **more}
        Path(".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    return write


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with closing(Ledger.open(ledger_url)) as opened:
        yield opened


@pytest.fixture
def tick() -> Iterator[Tick]:
    """Runs one tick and returns what it says."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield lambda: str(outbox(dg.build_sensor_context(instance=instance)).skip_message)  # type: ignore[union-attr]


def logged(capfd: pytest.CaptureFixture[str]) -> list[str]:
    said = capfd.readouterr()
    return [line for line in (said.out + said.err).splitlines() if "Redis" in line]


def test_a_redis_that_stays_away_is_said_once_and_once_more_when_it_is_back(
    *,
    env: Callable[..., None],
    ledger: Ledger,
    tick: Tick,
    redis_url: str,
    redis_client: redis.Redis,
    capfd: pytest.CaptureFixture[str],
) -> None:
    put(ledger, fetched(), request_id=REQUEST)
    env(AWAY)
    said = {tick() for _ in range(3)}
    [line] = said
    assert line.startswith("1 events wait in the outbox: Redis at 127.0.0.1:1 is away")
    assert len(logged(capfd)) == 1
    with ledger.read() as connection:
        [condition] = standing_conditions(connection)
    assert (condition.name, condition.count) == ("redis", 3)
    env(redis_url)
    assert tick() == "published 1 events"
    assert tick() == "no event waits to be published"
    [line] = logged(capfd)
    assert "a trouble is over" in line
    with ledger.read() as connection:
        assert standing_conditions(connection) == []
    assert len(on_the_stream(redis_client)) == 1


def test_without_a_redis_that_is_no_trouble_and_what_waits_is_said(
    env: Callable[..., None], ledger: Ledger, tick: Tick, capfd: pytest.CaptureFixture[str]
) -> None:
    put(ledger, fetched(), skipped(chat="b"), request_id=REQUEST)
    env("")
    assert tick() == "2 events wait in the outbox: REDIS_URL is empty"
    assert logged(capfd) == []
    with ledger.read() as connection:
        assert standing_conditions(connection) == []


def test_where_events_are_switched_off_nothing_waits(
    env: Callable[..., None], ledger: Ledger, tick: Tick
) -> None:
    put(ledger, fetched(), request_id=REQUEST)
    env("", ENABLE_EVENTS="false")
    assert tick() == "1 events are passed over: ENABLE_EVENTS=false"
    assert pending_count(ledger) == 0


def test_a_tick_whose_time_is_up_leaves_the_rest_to_the_next(
    *,
    env: Callable[..., None],
    ledger: Ledger,
    tick: Tick,
    redis_url: str,
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(ledger, fetched(), skipped(chat="b"), failed(chat="c"), request_id=REQUEST)
    env(redis_url)
    monkeypatch.setattr(draining, "AT_ONCE", 1)
    monkeypatch.setattr(draining, "TIME_BOX", 0.0)
    assert [tick() for _ in range(3)] == ["published 1 events, the rest follows"] * 3
    assert tick() == "no event waits to be published"
    assert [event["chat"] for event in on_the_stream(redis_client)] == ["ru_python", "b", "c"]


@pytest.mark.parametrize("cursor", ["nonsense", "2025-11-01", "9999-99-99T00:00:00Z"])
def test_a_cursor_that_somebody_set_to_nonsense_is_written_anew(
    env: Callable[..., None], cursor: str
) -> None:
    env("")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        outbox(context)
    assert datetime.fromisoformat(context.cursor or "").tzinfo is not None


def test_a_damaged_event_never_raises_in_a_tick(
    env: Callable[..., None], ledger: Ledger, tick: Tick, redis_url: str
) -> None:
    put(ledger, fetched(), skipped(chat="b"), request_id=REQUEST)
    with ledger.write() as connection:
        connection.exec_driver_sql("UPDATE events SET body = 'nonsense' WHERE chat = 'b'")
    env(redis_url)
    assert tick() == "published 1 events"
    assert tick() == "no event waits to be published"


def test_what_was_told_long_ago_is_forgotten_at_the_first_tick(
    env: Callable[..., None], ledger: Ledger, tick: Tick, redis_url: str
) -> None:
    put(ledger, fetched(), skipped(chat="b"), request_id=REQUEST)
    env(redis_url)
    tick()
    with ledger.write() as connection:
        connection.exec_driver_sql("UPDATE events SET published_at = published_at - 1296000 WHERE chat = 'b'")
    tick()
    with ledger.read() as connection:
        assert connection.exec_driver_sql("SELECT chat FROM events").scalars().all() == ["ru_python"]
