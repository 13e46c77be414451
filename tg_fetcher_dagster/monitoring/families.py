"""What a scrape shows of totals and states, as prometheus_client's families and text. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from tg_fetcher_dagster.ledger.measures import Total
from tg_fetcher_dagster.metrics.counted import COUNTED
from tg_fetcher_dagster.metrics.kinds import Metric

Labels = tuple[str, ...]

QUANTUM: Final = 1 / 1024
"""What sums are rounded to. Numbers that are added up in another order may come to a hair less, which
Prometheus would take for a counter that began anew; no number of a few decimals lies between two of these."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One value of a gauge; its labels stand in the metric's order."""

    metric: Metric
    value: float
    labels: Labels = ()


def text_of(families: Iterable[Family]) -> bytes:
    """Returns families in Prometheus's text format (prometheus.io, "Exposition formats")."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_These(tuple(families)))
    return generate_latest(registry)


class _These(Collector):
    """Families that are there already, as the library takes them."""

    def __init__(self, families: tuple[Family, ...]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def gauge_families(shown: Iterable[Shown], *, zeros: bool = True) -> list[Family]:
    """Returns a family a metric.

    Args:
        shown: of any metrics, in any order.
        zeros: whether series whose labels are all known and that nothing is said of stand at 0.
    """
    values: dict[str, dict[Labels, float]] = {}
    metrics: dict[str, Metric] = {}
    for each in shown:
        if each.metric.name not in metrics:
            metrics[each.metric.name] = each.metric
            values[each.metric.name] = dict.fromkeys(known_labels(each.metric) if zeros else (), 0.0)
        values[each.metric.name][each.labels] = each.value
    return [_gauge(metric, values[name]) for name, metric in metrics.items()]


def _gauge(metric: Metric, values: dict[Labels, float]) -> Family:
    family = GaugeMetricFamily(metric.name, metric.says, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def counted_families(totals: Iterable[Total], *, chat_name: Callable[[str], str] = str) -> Iterator[Family]:
    """Returns the counters and histograms that the ledger's totals come to; every known one, at 0 too.

    Args:
        totals: in any order; those of a metric that this version does not know are left out.
        chat_name: as what a chat is shown; those that are shown as the same are added up.
    """
    sums: dict[str, dict[tuple[Labels, float], tuple[float, int]]] = defaultdict(dict)
    places = {metric.name: _place_of_chat(metric) for metric in COUNTED}
    for total in totals:
        place = places.get(total.metric)
        labels = total.labels
        if place is not None:
            labels = (*labels[:place], chat_name(labels[place]), *labels[place + 1 :])
        key = labels, total.bound
        value, count = sums[total.metric].get(key, (0.0, 0))
        sums[total.metric][key] = value + total.value, count + total.count
    for metric in COUNTED:
        made = _histogram if metric.kind == "histogram" else _counter
        yield made(metric, sums[metric.name])


def steady(value: float) -> float:
    """Returns a sum, rounded so that the order of its adding makes no difference."""
    return round(value / QUANTUM) * QUANTUM


def known_labels(metric: Metric) -> Iterator[Labels]:
    """Returns the label sets of a metric, where each of its labels holds one of some known values."""
    if all(label in metric.values for label in metric.labels):
        yield from product(*(metric.values[label] for label in metric.labels))


def _place_of_chat(metric: Metric) -> int | None:
    return metric.labels.index("chat") if "chat" in metric.labels else None


def _counter(metric: Metric, sums: dict[tuple[Labels, float], tuple[float, int]]) -> Family:
    family = CounterMetricFamily(metric.name, metric.says, labels=metric.labels)
    values = dict.fromkeys(known_labels(metric), 0.0)
    values |= {labels: steady(value) for (labels, _), (value, _) in sums.items()}
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _histogram(metric: Metric, sums: dict[tuple[Labels, float], tuple[float, int]]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.says, labels=metric.labels)
    bounds = (*metric.buckets, float("inf"))
    names = [str(floatToGoString(bound)) for bound in bounds]  # type: ignore[no-untyped-call]
    counts: dict[Labels, dict[float, int]] = {labels: {} for labels in known_labels(metric)}
    seconds: dict[Labels, float] = defaultdict(float)
    for (labels, bound), (value, count) in sums.items():
        counts.setdefault(labels, {})[bound] = count
        seconds[labels] += value
    for labels, of_bound in counts.items():
        below, buckets = 0, []
        for bound, name in zip(bounds, names, strict=True):
            below += of_bound.pop(bound, 0)
            buckets.append((name, below))
        family.add_metric(labels, buckets, steady(seconds[labels]))
    return family
