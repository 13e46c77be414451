"""Says in the UI which chats are up to date, without a run: where that has changed, and once a day.

What the last result said stands in the cursor as a few letters, so that a tick in which nothing is new costs
a few queries and writes nothing, however many chats there are.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import dagster as dg

from tg_fetcher_dagster.defs.freshness import current, evaluation_of, summary
from tg_fetcher_dagster.defs.sensors.trouble import skips_in_trouble
from tg_fetcher_dagster.requests.freshness import Freshness
from tg_fetcher_dagster.settings import Settings

EVERY: Final = 60
"""Seconds between two looks."""


def mark_of(found: Sequence[Freshness]) -> str:
    """Returns a few letters that change with the chats, their days and the newest day; not with each wait."""
    facts = [(each.chat, each.state, each.last, each.missing) for each in found]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


@dg.sensor(
    name="freshness",
    minimum_interval_seconds=EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks whether every chat is up to date and tells it by the check yesterday_is_done of the"
    " asset chats, when that changes and once a day. Starts no runs, asks Telegram nothing.",
)
@skips_in_trouble
def freshness_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One tick."""
    found = current(Settings.read())
    if not found:
        return dg.SkipReason("no chat is kept: add one with tg-fetcher chats add, or TELEGRAM_CHATS")
    mark = mark_of(found)
    if context.cursor == mark:
        return dg.SkipReason(f"{summary(found)}; nothing has changed since that was told")
    return dg.SensorResult(
        asset_events=[evaluation_of(found)], cursor=mark, skip_reason=f"{summary(found)}; told by the check"
    )


@dg.definitions
def sensor() -> dg.Definitions:
    """Returns the sensor."""
    return dg.Definitions(sensors=[freshness_sensor])
