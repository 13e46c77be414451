"""The text of totals and states is what Prometheus's own library reads back."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from tg_fetcher_dagster.ledger.measures import Total
from tg_fetcher_dagster.metrics.counted import ERRORS, FETCH_DURATION, MESSAGES
from tg_fetcher_dagster.metrics.shown import QUEUE, WORKERS
from tg_fetcher_dagster.monitoring.families import (
    QUANTUM,
    Shown,
    counted_families,
    gauge_families,
    steady,
    text_of,
)


def samples(families: Iterable[Family], name: str) -> dict[tuple[str, ...], float]:
    """The samples of a name as they are read back, by their labels' values in the order of their names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text_of(families).decode())
        for sample in family.samples
        if sample.name == name
    }


def test_a_counter_shows_its_totals_and_a_known_label_that_nothing_was_counted_of() -> None:
    families = list(counted_families([Total(ERRORS.name, ("network",), 0, 3, 2)]))
    found = samples(families, ERRORS.name)
    assert found["network",] == 3
    assert found["storage",] == 0


def test_chats_that_are_shown_as_one_are_added_up() -> None:
    totals = [Total(MESSAGES.name, (chat,), 0, value, 1) for chat, value in (("a", 2), ("b", 3), ("c", 4))]
    families = counted_families(totals, chat_name=lambda chat: chat if chat == "a" else "other")
    assert samples(families, MESSAGES.name) == {("a",): 2, ("other",): 7}


def test_a_histogram_adds_its_buckets_up_to_infinity() -> None:
    labels = ("demo", "day", "fetched")
    totals = [
        Total(FETCH_DURATION.name, labels, bound, value, count)
        for bound, value, count in ((0.25, 0.4, 2), (10.0, 7, 1), (float("inf"), 4_000, 1))
    ]
    families = list(counted_families(totals))
    buckets = samples(families, f"{FETCH_DURATION.name}_bucket")
    assert buckets["demo", "0.1", "day", "fetched"] == 0
    assert buckets["demo", "0.25", "day", "fetched"] == 2
    assert buckets["demo", "1800.0", "day", "fetched"] == 3
    assert buckets["demo", "+Inf", "day", "fetched"] == 4
    assert samples(families, f"{FETCH_DURATION.name}_sum")["demo", "day", "fetched"] == pytest.approx(
        4_007.4, abs=QUANTUM
    )


def test_a_total_of_another_version_is_left_out() -> None:
    assert "gone_total" not in text_of(counted_families([Total("gone_total", (), 0, 1, 1)])).decode()


def test_a_gauge_stands_at_0_for_the_labels_that_are_known() -> None:
    families = gauge_families([Shown(QUEUE, 4, ("redis",)), Shown(WORKERS, 1)])
    assert samples(families, QUEUE.name) == {("redis",): 4, ("spool",): 0}
    assert samples(families, WORKERS.name) == {(): 1}


@given(st.lists(st.integers(0, 10**8).map(lambda number: number / 10**4), min_size=2), st.randoms())
def test_a_sum_is_the_same_in_whatever_order_it_is_added(values: list[float], random: Random) -> None:
    other = random.sample(values, len(values))
    middle = random.randrange(len(values))
    assert steady(sum(values)) == steady(sum(other[:middle]) + sum(other[middle:]))
