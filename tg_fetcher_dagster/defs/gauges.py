"""Pushes a run's last values to the Pushgateway through dagster-prometheus, where PUSHGATEWAY_URL is set.

A push replaces its whole group, so nothing that counts is pushed; that comes from `tg-fetcher monitor`.
"""

import time
import warnings
from collections.abc import Sequence
from http.client import HTTPException
from itertools import groupby

import dagster as dg
import structlog
from dagster_prometheus import PrometheusResource
from prometheus_client import CollectorRegistry, Gauge

from tg_fetcher_dagster.fetching.request import DayReport
from tg_fetcher_dagster.settings import Settings

log = structlog.get_logger(__name__)

JOB = "tg_fetcher"
PREFIX = "tg_fetcher_last_run"

PATIENCE = 3
"""Seconds that a run waits for the Pushgateway."""


def push_gauges(settings: Settings, reports: Sequence[DayReport]) -> None:
    """Pushes one group of gauges a chat; a Pushgateway that is away fails nothing."""
    if not settings.enable_metrics or not settings.pushgateway_url:
        return
    with warnings.catch_warnings():
        # Dagster would tell everybody in every run that this resource is in beta.
        warnings.filterwarnings("ignore", message="Class `PrometheusResource` is currently in beta")
        resource = PrometheusResource(gateway=settings.pushgateway_url, timeout=PATIENCE)
    for chat, of_chat in groupby(reports, key=lambda report: report.chat):
        days = list(of_chat)
        read = [each.coverage for each in days if each.coverage and each.outcome in {"fetched", "unchanged"}]
        resource.setup_for_execution(dg.build_init_resource_context())
        set_run_gauges(
            resource.registry,
            messages=sum(coverage.message_count for coverage in read),
            days=len(days),
            failed_days=sum(report.outcome == "failed" for report in days),
            requests=sum(report.requests for report in days),
            duration_seconds=sum(coverage.duration_seconds for coverage in read),
            at=time.time(),
        )
        try:
            resource.push_to_gateway(job=JOB, grouping_key={"chat": chat})
        except (OSError, HTTPException, ValueError) as error:
            # ValueError: PUSHGATEWAY_URL is no address; HTTPException: what answers there speaks no HTTP.
            log.warning("gauges were not pushed", chat=chat, error_type="network", error=str(error))
            return


def set_run_gauges(
    registry: CollectorRegistry,
    *,
    messages: int,
    days: int,
    failed_days: int,
    requests: int,
    duration_seconds: float,
    at: float,
) -> None:
    """Puts the gauges of one chat's part of a run into an empty registry.

    Args:
        registry: what is pushed.
        messages: in the days that were read.
        days: that were asked for.
        failed_days: of those.
        requests: made to Telegram.
        duration_seconds: of all days together.
        at: when, in seconds since the epoch.
    """
    values = {
        "messages": ("Messages read by the last run.", messages),
        "days": ("Days that the last run was asked for.", days),
        "failed_days": ("Days that the last run did not fetch.", failed_days),
        "requests": ("Requests to Telegram that the last run made.", requests),
        "duration_seconds": ("Seconds that the last run took.", duration_seconds),
        "timestamp_seconds": ("When the last run ended.", at),
    }
    for name, (told, value) in values.items():
        Gauge(f"{PREFIX}_{name}", told, registry=registry).set(value)
