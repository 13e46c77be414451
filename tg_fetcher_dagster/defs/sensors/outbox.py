"""Publishes what is left in the outbox: after a crash, when Redis is back, while a long range still runs."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from tg_fetcher_dagster.defs.publishing import drain_outbox
from tg_fetcher_dagster.defs.sensors.refusals import skips_when_refused
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.monitoring.logs import configure_logging
from tg_fetcher_dagster.settings import Settings

KEEP = timedelta(days=14)
"""How long published outcomes are kept: longer than any request may be under way."""

PRUNE_EVERY = timedelta(hours=1)


@dg.sensor(
    name="outbox",
    minimum_interval_seconds=2,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Publishes the events that no hook has published yet. Starts no runs.",
)
@skips_when_refused
def outbox(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """One tick; Redis being away is told in the tick and tried again at the next one."""
    settings = Settings.read()
    configure_logging(settings)
    now = datetime.now(UTC)
    if not context.cursor or datetime.fromisoformat(context.cursor) < now - PRUNE_EVERY:
        Outbox(settings.data_dir).prune(now - KEEP)
        context.update_cursor(now.isoformat())
    try:
        published = drain_outbox(settings)
    except FetchError as error:
        waiting = len(Outbox(settings.data_dir).pending())
        context.log.warning("%d events wait: %s", waiting, error.message)
        return dg.SkipReason(f"{waiting} events wait: {error.message}")
    return dg.SkipReason(f"published {published} events")


@dg.definitions
def outbox_sensor() -> dg.Definitions:
    """Returns the sensor."""
    return dg.Definitions(sensors=[outbox])
