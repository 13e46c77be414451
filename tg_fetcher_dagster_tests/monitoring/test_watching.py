"""What the probes say: of the monitor itself, never of the sources."""

from dataclasses import replace
from typing import Any

import pytest

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.monitoring.exposition import of_queues
from tg_fetcher_dagster.monitoring.reader import Reader, Reading
from tg_fetcher_dagster.monitoring.sources import Sources
from tg_fetcher_dagster.monitoring.watching import STILL, Watching
from tg_fetcher_dagster_tests.monitoring.test_verdict import AT, WELL, with_facts


class Clock:
    """Monotonic seconds that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def refused() -> Reading[Any]:
    raise FetchError(ErrorType.STORAGE, "it is away")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sources(clock: Clock) -> Sources:
    """Readers that do not run: a test looks by itself."""

    def reader(name: str) -> Reader[Any]:
        facts = getattr(WELL, name).facts
        return Reader(name, lambda: Reading(facts, f"{name} 1\n".encode()), every=5, clock=clock)

    return Sources(
        ledger=reader("ledger"),
        dagster=reader("dagster"),
        disk=reader("disk"),
        redis=reader("redis"),
        folding=reader("folding"),
    )


def test_a_monitor_is_ready_once_what_it_needs_was_read(sources: Sources, clock: Clock) -> None:
    watching = Watching(sources, clock=clock, wall=lambda: AT)
    assert watching.unread() == "ledger: not read yet; dagster: not read yet; disk: not read yet"
    sources.disk.look()
    sources.dagster.look()
    assert watching.unread() == "ledger: not read yet"
    sources.ledger.look()
    assert watching.unread() is None, "a Redis that is away is no reason"


def test_a_source_that_was_never_read_says_why(sources: Sources, clock: Clock) -> None:
    away: Reader[Any] = Reader("ledger", refused, every=5, clock=clock)
    away.look()
    watching = Watching(replace(sources, ledger=away), clock=clock, wall=lambda: AT)
    assert (watching.unread() or "").startswith("ledger: it is away; ")


def test_a_reader_that_no_longer_moves_is_a_reason_to_restart_and_a_source_that_is_away_is_none(
    sources: Sources, clock: Clock
) -> None:
    watching = Watching(sources, clock=clock, wall=lambda: AT)
    assert watching.stuck() is None
    clock.now += STILL + 1
    assert watching.stuck() == "no longer moving: ledger, dagster, disk, redis, folding"


def test_a_scrape_says_what_was_last_seen_however_old_it_is(sources: Sources, clock: Clock) -> None:
    watching = Watching(sources, clock=clock, wall=lambda: AT)
    assert b"\nledger 1\n" not in watching.metrics()
    for reader in sources.read:
        reader.look()
    clock.now += 3_600
    text = watching.metrics().decode()
    for name in shown.SOURCES:
        assert f"\n{name} 1\n" in text
        assert f'tg_fetcher_source_age_seconds{{source="{name}"}} 3600.0' in text


def test_the_oldest_command_is_the_older_one_of_redis_and_the_spool_folder() -> None:
    spooled = with_facts("disk", spooled=2, oldest_at=AT - 50)
    both = replace(spooled, redis=with_facts("redis", queued=3, oldest_at=AT - 20).redis)
    found = {(each.metric.name, *each.labels): each.value for each in of_queues(both)}
    assert found[shown.QUEUE.name, "redis"] == 3
    assert found[shown.QUEUE.name, "spool"] == 2
    assert found[shown.QUEUE_AGE.name, "queued"] == 50
    assert found[shown.QUEUE_AGE.name, "running"] == 0


def test_a_queue_that_was_never_read_is_no_empty_queue() -> None:
    redis = replace(WELL.redis, facts=None)  # type: ignore[type-var]
    found = [each.labels for each in of_queues(replace(WELL, redis=redis)) if each.metric is shown.QUEUE]
    assert found == [("spool",)]
    without = replace(WELL, redis=None)
    assert ("redis",) in [each.labels for each in of_queues(without) if each.metric is shown.QUEUE]
