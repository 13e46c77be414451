"""docs/metrics.md, made from what `metrics/` defines: `python -m tg_fetcher_dagster.monitoring.catalogue`."""

import sys
from collections.abc import Iterable, Mapping
from typing import Final

from tg_fetcher_dagster.metrics import counted, shown
from tg_fetcher_dagster.metrics.kinds import Metric

OF_SEVERAL: Final = (shown.QUEUE, shown.QUEUE_AGE)
OF_THE_MONITOR: Final = (
    shown.BUILD,
    shown.SOURCE_UP,
    shown.SOURCE_AGE,
    shown.SOURCE_SECONDS,
    shown.SCRAPE_SECONDS,
)
OF_DAGSTER: Final = (
    shown.ACTIVE_RUNS,
    shown.OLDEST_RUN,
    shown.JOB_RUNS,
    shown.JOB_LAST_END,
    shown.JOB_LAST_SECONDS,
    shown.JOB_LAST_FAILED,
    shown.MATERIALIZED,
    shown.DAEMON_AGE,
    shown.TICK_AGE,
    shown.TICK_FAILED,
    shown.TICK_ENDED,
    shown.SWITCHED_ON,
    shown.CODE_LOCATION_ERRORS,
    shown.POOL_SLOTS,
    shown.PARTITIONS,
)
OF_THE_DISK: Final = (shown.DISK_FREE, shown.DISK_SIZE)

_ELSEWHERE: Final = {each.name for each in (*OF_SEVERAL, *OF_THE_MONITOR, *OF_DAGSTER, *OF_THE_DISK)}
OF_THE_LEDGER: Final = tuple(each for each in shown.SHOWN if each.name not in _ELSEWHERE)

PARTS: Final[Mapping[str, tuple[Metric, ...]]] = {
    "Counted: what the ledger's totals come to": counted.COUNTED,
    "States: the ledger": OF_THE_LEDGER,
    "States: Redis, the spool folder and the ledger together": OF_SEVERAL,
    "States: Dagster's instance": OF_DAGSTER,
    "States: the disk": OF_THE_DISK,
    "The monitor itself": OF_THE_MONITOR,
}

HEAD: Final = """\
# Metrics

Made from [metrics/](../tg_fetcher_dagster/metrics/) by `python -m tg_fetcher_dagster.monitoring.catalogue >
docs/metrics.md`; a test holds it up to date. `tg-fetcher monitor` shows them on `/metrics`
([operations.md](operations.md), "Monitor").

- Counters and histograms stand in the ledger, where they are written with the thing that they count. They are
  right after any process was killed, with any number of workers, and go back to 0 only with the ledger. A
  series whose labels are all known begins at 0. Sums are rounded to 1/1024.
- Gauges are read anew, source by source. Those of a source that is away keep their last values, whose age is
  `tg_fetcher_source_age_seconds`; `tg_fetcher_source_up` says 0. Of one that was never read nothing is shown.
- No label holds a date or an id. The first METRICS_CHATS chats have series of their own, for good; the others
  are one, `other`: their sum, of moments and lags the worst.
- Beside these stand the process's own (`process_*`, `python_info`) of prometheus_client.
"""


def page() -> str:
    """Returns the whole page."""
    parts = [f"\n## {title}\n\n{_table(metrics)}" for title, metrics in PARTS.items()]
    return HEAD + "".join(parts)


def unit_of(metric: Metric) -> str:
    """Returns a metric's unit, which its name says (prometheus.io, "Metric and label naming")."""
    name = metric.name.removesuffix("_total")
    if name.endswith("_timestamp_seconds"):
        return "Unix time"
    if name.endswith("per_second"):
        return "1/s"
    return next((unit for unit in ("seconds", "bytes") if name.endswith(f"_{unit}")), "")


def _table(metrics: Iterable[Metric]) -> str:
    rows = ["| name | type | unit | labels | what it says |", "|---|---|---|---|---|"]
    rows += [
        f"| `{each.name}` | {each.kind} | {unit_of(each)} | {_labels(each)} | {_says(each)} |"
        for each in metrics
    ]
    return "\n".join(rows) + "\n"


def _labels(metric: Metric) -> str:
    return ", ".join(
        f"`{label}`" + (f" ({', '.join(metric.values[label])})" if label in metric.values else "")
        for label in metric.labels
    )


def _says(metric: Metric) -> str:
    buckets = ", ".join(f"{bound:g}" for bound in metric.buckets)
    return metric.says + (f" Buckets: {buckets}." if buckets else "")


if __name__ == "__main__":
    sys.stdout.write(page())
