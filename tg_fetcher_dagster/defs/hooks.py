"""Who is told when a step ends: both hooks publish at once (docs.dagster.io, "Op hooks").

The events themselves were recorded with the days, and with the end of the run's batch, before a hook runs; so
a hook that fails loses nothing: Dagster only notes HOOK_ERRORED, and a sensor publishes what is left.
"""

import dagster as dg

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.draining import drain_outbox
from tg_fetcher_dagster.settings import Settings


@dg.success_hook(name="publish_events")
def publish_events(context: dg.HookContext) -> None:
    """Publishes what the step has recorded."""
    _publish(context)


@dg.failure_hook(name="publish_failures")
def publish_failures(context: dg.HookContext) -> None:
    """Publishes what the step has recorded when its tries are used up; failed days are among it."""
    _publish(context)


def _publish(context: dg.HookContext) -> None:
    """Publishes; what Redis does not take now the outbox sensor publishes when it is back."""
    try:
        settings = Settings.read()
        published = drain_outbox(settings)
        if settings.enable_events and settings.redis_url is None:
            context.log.info("events wait in the outbox: REDIS_URL is empty")
        else:
            context.log.info("published %d events", published)
    except FetchError as error:
        context.log.warning("events wait in the outbox: %s", error.message)


HOOKS = {publish_events, publish_failures}
