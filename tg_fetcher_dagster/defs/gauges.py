"""Pushes a run's last values to the Pushgateway through dagster-prometheus, where PUSHGATEWAY_URL is set."""

import time
import warnings
from collections.abc import Sequence
from http.client import HTTPException
from itertools import groupby

import dagster as dg
import structlog
from dagster_prometheus import PrometheusResource

from tg_fetcher_dagster.fetching.request import DayReport
from tg_fetcher_dagster.monitoring.gauges import set_run_gauges
from tg_fetcher_dagster.settings import Settings

log = structlog.get_logger(__name__)

JOB = "tg_fetcher"

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
