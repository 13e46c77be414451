"""Real runs with failures, seen by a real monitor and a real Prometheus: alerts know, panels show."""

import os
import signal
import time

import pytest

from deploy.dashboards.__main__ import DASHBOARDS
from deploy.dashboards.panels import Panel
from tg_fetcher_dagster_tests.deploy.alert_rules import alerts
from tg_fetcher_dagster_tests.deploy.watched import Watched
from tg_fetcher_dagster_tests.flow.test_kills import run_process

pytestmark = [pytest.mark.system, pytest.mark.flow]

WORKER_DEAD = next(
    rule["expr"] for rule in alerts() if rule["alert"] == "WorkerDead" and "died" in rule["expr"]
)
TWO_MINUTES = 120.0
"""Seconds in which an alert must know of a dead worker: the promise of docs/runbook.md."""

PANELS = [
    pytest.param(panel, id=f"{frame.uid} {panel.number}")
    for frame in DASHBOARDS
    for panel in frame.panels
    if panel.kind not in {"log", "log_lines"}
]


def _true_now(watched: Watched) -> set[str]:
    """The alerts whose expression is true now, those of Alertmanager, which nobody scrapes here, left out."""
    return {
        rule["alert"]
        for rule in alerts()
        if "alertmanager" not in rule["expr"] and watched.prometheus.query(rule["expr"])
    }


def test_a_deployment_that_works_gives_no_alert(watched: Watched) -> None:
    watched.until_true(
        "min(tg_fetcher_source_up) == 1 and count(tg_fetcher_tick_age_seconds) >= 6", what="all is seen"
    )
    assert _true_now(watched) == {"Watchdog"}


def test_a_killed_worker_is_an_alert_within_two_minutes_until_a_new_run_has_done_the_work(
    watched: Watched,
) -> None:
    sandbox = watched.deployment.sandbox
    watched.until_true("min(tg_fetcher_source_up) == 1", what="all sources read")
    assert not watched.prometheus.query(WORKER_DEAD)
    sandbox.add_fault(method="messages.getHistory", after=4, hold=True)
    days = {"from": "2025-11-02", "to": "2025-11-09"}
    command = watched.deployment.push(chat="watched_busy", mode="range", **days)
    watched.deployment.until(lambda: sandbox.held, what="a run that waits for its fifth page")
    watched.until_true("sum(tg_fetcher_open_days) > 0", what="open days")
    pid = watched.deployment.until(
        lambda: run_process(watched.deployment, "watched_busy"), what="the run's process"
    )
    os.kill(pid, signal.SIGKILL)
    killed_at = time.time()

    # The new run's requests are held as well, so that the work is not done before anybody has looked.
    watched.until_true(WORKER_DEAD, what="the alert of a dead worker")
    assert time.time() - killed_at < TWO_MINUTES
    assert watched.value('tg_fetcher_runs_total{end="died"}') == 1

    sandbox.clear_faults()
    watched.until_answered(command)
    watched.until_over(WORKER_DEAD, what="the end of the alert")
    assert watched.value('tg_fetcher_runs_total{end="died"}') == 1
    assert watched.value('tg_fetcher_runs_total{end="succeeded"}') >= 1
    assert watched.value('sum(tg_fetcher_fetches_total{status="fetched"})') == 8


@pytest.fixture(scope="module")
def busy_hour(watched: Watched) -> Watched:
    """Work with failures, twice, so that whatever grows has grown between two looks."""
    sandbox = watched.deployment.sandbox
    for days in (("2025-11-01", "2025-11-03"), ("2025-11-04", "2025-11-06")):
        sandbox.add_fault(method="messages.getHistory", flood_wait=1, times=1)
        sandbox.add_fault(method="messages.getHistory", after=2, cut=True, times=1)
        refused = watched.deployment.push(chat="watched_news", mode="range", **{"from": "never"})
        ended = watched.fetch_here("watched_news", "watched_walled", "watched_closed", days=days)
        assert ended.returncode == 1, ended.stderr  # the account may not read one of them
        watched.until_answered(refused)
        sandbox.clear_faults()
    return watched


@pytest.mark.parametrize("panel", PANELS)
def test_every_query_of_every_panel_gives_data(busy_hour: Watched, panel: Panel) -> None:
    for ask in panel.asks:
        chats = ("watched_news", "watched_walled") if "$chat" in ask.expression else ("",)
        shown = [busy_hour.numbers(ask.expression.replace("$chat", chat)) for chat in chats]
        assert any(shown), ask.expression


def test_each_failure_is_an_alert_and_nothing_else_is(busy_hour: Watched) -> None:
    """Two commands that made no sense and comments behind a wall; two floods are no storm."""
    assert _true_now(busy_hour) == {"Watchdog", "DeadLetters", "MessagesLost"}
