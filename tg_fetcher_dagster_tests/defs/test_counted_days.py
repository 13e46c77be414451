"""What a run leaves in the totals: each day once, by how it ended, whatever the run itself came to."""

from tg_fetcher_dagster.metrics.counted import (
    COMMENTS,
    ERRORS,
    FETCH_DURATION,
    FETCHES,
    HOP_SECONDS,
    MESSAGES,
)
from tg_fetcher_dagster_tests.defs.deployment import Deployment
from tg_fetcher_dagster_tests.measured import series_of


def test_every_day_of_a_run_is_counted_by_how_it_ended(deployment: Deployment) -> None:
    deployment.add_chats("def_closed", "def_busy")
    assert deployment.fetch("def_busy", "2025-11-03").success

    deployment.fetch(("def_closed", "def_busy"), "2025-11-03", "2025-11-05")

    ledger = deployment.ledger
    assert series_of(ledger, FETCHES.name) == {("fetched",): 3, ("skipped",): 1, ("failed",): 3}
    assert series_of(ledger, FETCH_DURATION.name) == {
        ("def_busy", "day", "fetched"): 1,
        ("def_busy", "range", "fetched"): 2,
        ("def_busy", "range", "skipped"): 1,
        ("def_closed", "range", "failed"): 3,
    }
    assert series_of(ledger, ERRORS.name) == {("no_access",): 3}
    assert series_of(ledger, MESSAGES.name) == {("def_busy",): 90}
    assert series_of(ledger, HOP_SECONDS.name)["fetch",] == 7


def test_a_day_that_is_read_again_counts_what_was_read_again(deployment: Deployment) -> None:
    assert deployment.fetch("def_news", "2025-11-03").success
    coverage = deployment.coverage("def_news", "2025-11-03")
    assert coverage is not None
    assert deployment.fetch("def_news", "2025-11-03", force=True).success

    assert series_of(deployment.ledger, FETCHES.name) == {("fetched",): 1, ("unchanged",): 1}
    assert series_of(deployment.ledger, MESSAGES.name) == {("def_news",): 8}
    assert coverage.comment_count
    assert series_of(deployment.ledger, COMMENTS.name) == {("def_news",): 2 * coverage.comment_count}


def test_a_limited_day_is_told_from_a_whole_one(deployment: Deployment) -> None:
    assert deployment.fetch("def_busy", "2025-11-03", limit=4).success
    assert series_of(deployment.ledger, FETCH_DURATION.name) == {("def_busy", "limited", "fetched"): 1}


def test_days_that_a_state_puts_off_are_no_failures(deployment: Deployment) -> None:
    deployment.sandbox.stop()

    assert not deployment.fetch("def_busy", "2025-11-03", "2025-11-04").success

    assert series_of(deployment.ledger, FETCHES.name) == {("waits",): 2}
    assert series_of(deployment.ledger, ERRORS.name) == {("telegram_away",): 2}
