"""What a run leaves in the totals: each day once, by how it ended, whatever the run itself came to."""

import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from tg_fetcher_dagster.fetching.context import DayContext
from tg_fetcher_dagster.ledger.tables import days as days_table
from tg_fetcher_dagster.metrics.counted import (
    COMMENTS,
    ERRORS,
    FETCH_DURATION,
    FETCHES,
    FLOOD_SECONDS,
    FLOODS,
    HOP_SECONDS,
    LOSSES,
    MESSAGES,
    REQUESTS,
    RETRIES,
    RUNS,
    TELEGRAM_REQUESTS,
)
from tg_fetcher_dagster.takeover.from_files import ledger_from_files
from tg_fetcher_dagster.telegram.requests import TRIES
from tg_fetcher_dagster_tests.defs.deployment import Deployment
from tg_fetcher_dagster_tests.measured import series_of, totals_of
from tg_fetcher_dagster_tests.waiting import until


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


def test_the_figures_of_a_run_with_a_flood_a_retry_and_a_chat_that_cannot_be_read(
    deployment: Deployment,
) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="1")
    deployment.add_chats("def_closed", "def_busy", "def_news")
    assert deployment.fetch("def_busy", "2025-11-04").success
    history = "messages.getHistory"
    deployment.sandbox.add_fault(method=history, error="FLOOD_WAIT_1", times=1)
    deployment.sandbox.add_fault(method=history, error="RPC_CALL_FAIL", times=TRIES, after=1)

    deployment.fetch(("def_closed", "def_news"), "2025-11-03", "2025-11-04")

    ledger, read = deployment.ledger, deployment.coverage
    assert series_of(ledger, FETCHES.name) == {
        ("fetched",): 1 + 1 + 2,
        ("skipped",): 1,
        # The first try: the chat without access and the last one; the second try: the former again.
        ("failed",): 2 + 2 + 2,
    }
    assert series_of(ledger, ERRORS.name) == {("no_access",): 4, ("network",): 2}
    assert series_of(ledger, RETRIES.name) == {("step",): 1, ("request",): 1 + TRIES - 1}
    assert series_of(ledger, FLOODS.name) == {("main", history): 1}
    assert series_of(ledger, FLOOD_SECONDS.name) == {("main", history): 1}
    days = [read("def_busy", "2025-11-03"), read("def_busy", "2025-11-04")]
    assert series_of(ledger, MESSAGES.name)["def_busy",] == sum(day.message_count for day in days if day)
    heard = Counter(("main", record["method"]) for record in deployment.sandbox.requests)
    assert series_of(ledger, TELEGRAM_REQUESTS.name) == heard
    assert series_of(ledger, RUNS.name) == {("succeeded",): 1, ("failed",): 1}
    assert series_of(ledger, REQUESTS.name) == {("ui",): 2}


RUN = """
import sys
import dagster as dg
from datetime import date
from pathlib import Path
from telethon.crypto import rsa
from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.heartbeat import Heartbeat
from tg_fetcher_dagster.defs.partitions import range_tags

Heartbeat.__init__.__kwdefaults__["every"] = 0.05
rsa.add_key(Path("server.pem").read_text(), old=False)
with dg.DagsterInstance.ephemeral() as instance:
    instance.add_dynamic_partitions("chats", [sys.argv[1]])
    defs().resolve_job_def("fetch_days").execute_in_process(
        instance=instance,
        tags=dict(range_tags((sys.argv[1], sys.argv[1]), (date(2025, 11, 1), date(2025, 11, 8)))),
        raise_on_error=False,
    )
"""


def test_a_run_that_is_killed_and_the_one_after_it_come_to_the_truth(
    deployment: Deployment, tmp_path: Path
) -> None:
    """Days are counted with their commit; requests with a heartbeat, of which one is waited for here."""
    (tmp_path / "server.pem").write_text(deployment.sandbox.public_key)
    deployment.sandbox.add_fault(method="messages.getHistory", after=2, hold=True)
    command = [sys.executable, "-W", "ignore", "-c", RUN, "def_busy"]
    child = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )

    ledger, history = deployment.ledger, ("main", "messages.getHistory")

    def heard() -> Counter[tuple[str, ...]]:
        """A request that is held back is not among the heard ones yet."""
        answered = Counter(("main", record["method"]) for record in deployment.sandbox.requests)
        return answered + Counter({history: deployment.sandbox.held})

    try:
        until(lambda: deployment.sandbox.held, what="the run in its middle")
        until(lambda: series_of(ledger, TELEGRAM_REQUESTS.name) == heard(), what="a heartbeat")
        until(lambda: series_of(ledger, FETCHES.name) == {("fetched",): 3}, what="the days of two pages")
        before = heard()
    finally:
        child.kill()
        child.wait()
    deployment.sandbox.clear_faults()
    until(lambda: not deployment.sandbox.held, what="the end of the request that was held")
    deployment.sandbox.clear_requests()
    assert deployment.fetch("def_busy", "2025-11-01", "2025-11-08").success

    days = [deployment.coverage("def_busy", f"2025-11-0{number}") for number in range(1, 9)]
    assert series_of(ledger, FETCHES.name) == {("fetched",): 8, ("skipped",): 3}
    assert series_of(ledger, MESSAGES.name) == {("def_busy",): sum(day.message_count for day in days if day)}
    assert series_of(ledger, TELEGRAM_REQUESTS.name) == before + heard()


def test_what_a_read_day_is_known_to_lack_is_counted_by_its_sort(deployment: Deployment) -> None:
    deployment.write_env(COMMENTS_LIMIT_PER_MESSAGE="1")
    assert deployment.fetch("def_news", "2025-11-01", "2025-11-08").success

    days = [deployment.coverage("def_news", f"2025-11-0{number}") for number in range(1, 9)]
    lost = sum(loss.count or 1 for day in days if day for loss in day.lost)
    assert lost > 0
    assert series_of(deployment.ledger, LOSSES.name) == {("def_news", "comments"): lost}


def test_a_ledger_that_is_made_again_from_the_files_keeps_its_totals_and_counts_nothing_anew(
    deployment: Deployment,
) -> None:
    assert deployment.fetch("def_busy", "2025-11-03", "2025-11-04").success
    before = totals_of(deployment.ledger)
    with deployment.ledger.write() as connection:
        connection.execute(sa.delete(days_table).where(days_table.c.date == date(2025, 11, 3)))

    ledger_from_files(DayContext(deployment.settings, opened=deployment.ledger))

    assert deployment.coverage("def_busy", "2025-11-03")
    assert totals_of(deployment.ledger) == before


def test_two_processes_that_fetch_at_once_are_both_counted_in_full(
    deployment: Deployment, tmp_path: Path
) -> None:
    """They share the ledger, and take turns with the account; somebody folds meanwhile."""
    (tmp_path / "server.pem").write_text(deployment.sandbox.public_key)
    chats = ("def_busy", "def_news")
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", RUN, chat], cwd=tmp_path, stderr=subprocess.DEVNULL
        )
        for chat in chats
    ]
    try:
        until(
            lambda: totals_of(deployment.ledger) and all(each.poll() is not None for each in running),
            what="both ends",
        )
    finally:
        for each in running:
            each.kill()
            each.wait()

    assert [each.returncode for each in running] == [0, 0]
    days = {
        chat: [deployment.coverage(chat, f"2025-11-0{number}") for number in range(1, 9)] for chat in chats
    }
    ledger, heard = deployment.ledger, Counter(record["method"] for record in deployment.sandbox.requests)
    assert series_of(ledger, FETCHES.name) == {("fetched",): 16}
    assert series_of(ledger, MESSAGES.name) == {
        (chat,): sum(day.message_count for day in read if day) for chat, read in days.items()
    }
    assert series_of(ledger, TELEGRAM_REQUESTS.name) == {
        ("main", method): count for method, count in heard.items()
    }
    assert series_of(ledger, RUNS.name) == {("succeeded",): 2}
