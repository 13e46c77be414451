"""What a metric is: its name, what it says, its labels. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

SECONDS_OF_A_FETCH = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
"""From a day that is there already to one of 100,000 messages at one request a second."""

SECONDS_OF_A_HOP = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
"""From a command that is taken at once to one that waits for an account for a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric, as Prometheus shows it.

    Attributes:
        name: by Prometheus's rules (prometheus.io, "Metric and label naming"): base units, `_total` at a
            counter's end.
        says: what it counts or measures, in one sentence.
        labels: their names, in order; never a date, never an id.
        values: what a label can hold where that is known; such series begin at 0.
        buckets: upper bounds of a histogram, ascending; `+Inf` is understood.
    """

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()

    def bucket_of(self, value: float) -> float:
        """Returns the smallest bound that holds a value; infinity above the last one."""
        return next((bound for bound in self.buckets if value <= bound), float("inf"))


def counter(
    name: str, says: str, *labels: str, values: Mapping[str, tuple[str, ...]] | None = None
) -> Metric:
    """Returns a metric that only grows."""
    return Metric(name=name, kind="counter", says=says, labels=labels, values=values or {})


def gauge(name: str, says: str, *labels: str, values: Mapping[str, tuple[str, ...]] | None = None) -> Metric:
    """Returns a metric that goes up and down."""
    return Metric(name=name, kind="gauge", says=says, labels=labels, values=values or {})


def histogram(
    name: str,
    says: str,
    *labels: str,
    buckets: tuple[float, ...],
    values: Mapping[str, tuple[str, ...]] | None = None,
) -> Metric:
    """Returns a metric that counts how often a value fell below each bound."""
    return Metric(name=name, kind="histogram", says=says, labels=labels, values=values or {}, buckets=buckets)
