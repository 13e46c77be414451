"""The rules of deploy/prometheus as they stand in the files."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tg_fetcher_dagster.metrics.counted import COUNTED
from tg_fetcher_dagster.metrics.kinds import Metric
from tg_fetcher_dagster.metrics.shown import SHOWN

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
ALERTMANAGER = ROOT / "deploy" / "alertmanager"


@cache
def groups() -> tuple[dict[str, Any], ...]:
    """Returns all groups of rules, file by file."""
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    return tuple(group for file in files for group in yaml.safe_load(file.read_text())["groups"])


def rules() -> list[dict[str, Any]]:
    """Returns all rules."""
    return [rule for group in groups() for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Returns the rules that alert: one for each step of each alert."""
    return [rule for rule in rules() if "alert" in rule]


def names() -> set[str]:
    """Returns the names of all alerts."""
    return {rule["alert"] for rule in alerts()}


def recorded() -> set[str]:
    """Returns the names of all sums that are recorded."""
    return {rule["record"] for rule in rules() if "record" in rule}


def series_of(metric: Metric) -> set[str]:
    """Returns the names under which Prometheus keeps a metric."""
    return {
        metric.name + end for end in (("_bucket", "_count", "_sum") if metric.kind == "histogram" else ("",))
    }


def names_in(expression: str) -> set[str]:
    """Returns the names of series that PromQL asks for: metrics, and recorded sums with their colons."""
    bare = re.sub(r'"[^"]*"|\[[^]]*\]', "", expression)
    return set(
        re.findall(
            r"\b(?:[a-z_]+:[a-z_0-9:]+|(?:tg_fetcher|telegram_fetch|prometheus|alertmanager)_\w+)", bare
        )
    )


def unknown_in(expression: str) -> set[str]:
    """Returns the names that nobody shows or records."""
    shown = {name for metric in (*COUNTED, *SHOWN) for name in series_of(metric)}
    of_others = {name for name in names_in(expression) if name.startswith(("prometheus_", "alertmanager_"))}
    return names_in(expression) - shown - recorded() - of_others
