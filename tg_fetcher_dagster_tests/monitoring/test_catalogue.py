"""docs/metrics.md says what the code does, and the names keep Prometheus's rules."""

import re
from pathlib import Path

import pytest

from tg_fetcher_dagster.metrics.counted import COUNTED
from tg_fetcher_dagster.metrics.kinds import Metric
from tg_fetcher_dagster.metrics.shown import SHOWN
from tg_fetcher_dagster.monitoring.catalogue import PARTS, page

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"

EVERY = (*COUNTED, *SHOWN)


def test_the_page_is_up_to_date() -> None:
    assert DOCS.read_text(encoding="utf-8") == page(), (
        "python -m tg_fetcher_dagster.monitoring.catalogue > docs/metrics.md"
    )


def test_every_metric_stands_on_it_once() -> None:
    listed = [metric.name for metrics in PARTS.values() for metric in metrics]
    assert sorted(listed) == sorted(metric.name for metric in EVERY)


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.name)
def test_a_name_keeps_the_rules(metric: Metric) -> None:
    """prometheus.io, "Metric and label naming": base units, one prefix, `_total` of counters alone."""
    assert re.fullmatch(r"(tg_fetcher|telegram)_[a-z_]+", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert not re.search(r"_(ms|minutes|hours|days_ago|kb|mb|percent)(_|$)", metric.name)
    assert not {"date", "day", "id", "run", "run_id", "request_id"} & set(metric.labels)
    assert metric.says.endswith(".")
