"""Yesterday, for all chats, every day (docs.dagster.io, "Schedules")."""

from datetime import date

import dagster as dg

from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.days import ONE_DAY, day_of
from tg_fetcher_dagster.defs.jobs import FETCH_DAYS
from tg_fetcher_dagster.defs.partitions import CHATS, neighbours, range_tags
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import DefinitionSettings, Settings
from tg_fetcher_dagster.telegram.clock import planning_time

CHATS_A_RUN = 50
"""One day of many chats is one run, bounded so that one chat's trouble is not everybody's."""


def runs_for_a_day(chats: list[str], paused: frozenset[str], day: date) -> list[dg.RunRequest]:
    """Returns few runs that fetch one day of all chats that are not paused.

    Args:
        chats: all chat partitions in Dagster's order, in which a range of chats means neighbours.
        paused: chats to leave out.
        day: which day.
    """
    wanted = frozenset(chats) - paused
    return [
        dg.RunRequest(run_key=f"{day}:{ends[0]}", tags=dict(range_tags(ends, (day, day))))
        for ends in neighbours(chats, wanted, at_most=CHATS_A_RUN)
    ]


def build_yesterday(settings: DefinitionSettings) -> dg.ScheduleDefinition:
    """Returns the schedule, at DAILY_SCHEDULE_CRON in the deployment's zone."""

    @dg.schedule(
        name="yesterday",
        cron_schedule=settings.daily_schedule_cron,
        execution_timezone=settings.timezone,
        job=FETCH_DAYS,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Fetches yesterday for every chat that is not paused, in few runs.",
    )
    def yesterday(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        present = Settings.read()
        began = planning_time(present, context.scheduled_execution_time)
        day = day_of(began, settings.zone) - ONE_DAY
        chats = list(context.instance.get_dynamic_partitions(CHATS.name or ""))
        with open_identities(present) as identities:
            known = identities.all()
        paused = frozenset(identity.key for identity in known if identity.paused)
        runs = runs_for_a_day(chats, paused, day)
        return runs or dg.SkipReason("no chat to fetch: add one with tg-fetcher chats add, or TELEGRAM_CHATS")

    return yesterday


@dg.definitions
def schedules() -> dg.Definitions:
    """Returns the schedule, shaped by TIMEZONE and DAILY_SCHEDULE_CRON."""
    settings = DefinitionSettings.read()
    try:
        return dg.Definitions(schedules=[build_yesterday(settings)])
    except dg.DagsterInvalidDefinitionError:
        raise FetchError(
            ErrorType.VALIDATION,
            f"setting DAILY_SCHEDULE_CRON={settings.daily_schedule_cron!r}: must be a cron line"
            " of five fields such as 15 0 * * *",
        ) from None
