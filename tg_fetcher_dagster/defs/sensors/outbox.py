"""Publishes what is left in the outbox: after a crash, when Redis is back, while a long range still runs."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from tg_fetcher_dagster.defs.sensors.trouble import skips_in_trouble
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.events.draining import Drained, prune, publish_pending
from tg_fetcher_dagster.ledger import outbox as waiting
from tg_fetcher_dagster.ledger.conditions import set_condition
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.logs.lines import configure_logging
from tg_fetcher_dagster.requests.waiting import REDIS_AWAY
from tg_fetcher_dagster.settings import Settings

KEEP = timedelta(days=14)
"""How long published outcomes are kept: longer than any request may be under way."""

PRUNE_EVERY = timedelta(hours=1)

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dg.sensor(
    name="outbox",
    minimum_interval_seconds=2,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Publishes the events that no run has published yet: after a crash, or when Redis is back."
    " Starts no runs. Events wait (the tick says how many and why): they are kept in order and told when"
    " Redis answers. Off: consumers hear of a day only from the run that read it.",
)
@skips_in_trouble
def outbox(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """One tick; a Redis that is away is told when that begins and when it ends, and tried at each tick."""
    settings = Settings.read()
    configure_logging(settings)
    ledger = Ledger.open(settings.ledger_location)
    try:
        now = datetime.now(UTC)
        if _pruned_at(context.cursor) < now - PRUNE_EVERY:
            prune(ledger, before=(now - KEEP).timestamp())
            context.update_cursor(now.isoformat())
        return dg.SkipReason(_publish(settings, ledger))
    finally:
        ledger.close()


def _pruned_at(cursor: str | None) -> datetime:
    """When old events were last forgotten; long ago where the cursor does not say, which anybody may set."""
    try:
        found = datetime.fromisoformat(cursor or "")
    except ValueError:
        found = _LONG_AGO
    return found if found.tzinfo else _LONG_AGO


def _publish(settings: Settings, ledger: Ledger) -> str:
    """Publishes what is pending; returns what there is to say of it."""
    try:
        drained = publish_pending(settings, ledger)
    except FetchError as error:
        if error.error_type is not ErrorType.NETWORK:
            raise
        set_condition(ledger, REDIS_AWAY, error.message)
        return f"{_how_many(ledger)} wait in the outbox: {error.message}"
    if not settings.enable_events:
        return f"{drained.published} events are passed over: ENABLE_EVENTS=false"
    if settings.redis_url is None:
        set_condition(ledger, REDIS_AWAY, None)  # nobody looks for it any more
        return f"{_how_many(ledger)} wait in the outbox: REDIS_URL is empty"
    set_condition(ledger, REDIS_AWAY, None)
    return _told(drained)


def _how_many(ledger: Ledger) -> str:
    with ledger.read() as connection:
        return f"{waiting.pending_count(connection)} events"


def _told(drained: Drained) -> str:
    if not drained.published and not drained.left:
        return "no event waits to be published"
    return f"published {drained.published} events" + (", the rest follows" if drained.left else "")


@dg.definitions
def outbox_sensor() -> dg.Definitions:
    """Returns the sensor."""
    return dg.Definitions(sensors=[outbox])
