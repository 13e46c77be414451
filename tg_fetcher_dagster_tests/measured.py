"""What a ledger has counted, as the monitor would show it."""

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.measures import fold, read_totals
from tg_fetcher_dagster.metrics.counted import BY_NAME

Series = tuple[str, tuple[str, ...]]


def totals_of(ledger: Ledger) -> dict[Series, float]:
    """Returns each series's value after all that waits was folded; of a histogram how many it saw."""
    while fold(ledger):
        pass
    with ledger.read() as connection:
        found = read_totals(connection)
    values: dict[Series, float] = {}
    for total in found:
        series = total.metric, total.labels
        seen = total.count if BY_NAME[total.metric].kind == "histogram" else total.value
        values[series] = values.get(series, 0) + seen
    return values


def series_of(ledger: Ledger, name: str) -> dict[tuple[str, ...], float]:
    """Returns the values of one metric by its labels."""
    return {labels: value for (metric, labels), value in totals_of(ledger).items() if metric == name}
