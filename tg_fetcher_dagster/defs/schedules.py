"""Yesterday, for all chats, every day (docs.dagster.io, "Schedules").

The schedule starts no run: it writes down what is asked, and the sensor `requests` starts what is to be
started when that can be, as for everybody else who asks. A partition that is no chat hinders nobody.
"""

import time
from datetime import date
from typing import Final

import dagster as dg

from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.days import ONE_DAY, day_of
from tg_fetcher_dagster.defs.jobs import FETCH_DAYS
from tg_fetcher_dagster.defs.sensors.trouble import skips_in_trouble
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.requests.daily_round import Round, plan_round
from tg_fetcher_dagster.settings import DefinitionSettings, Settings
from tg_fetcher_dagster.telegram.clock import planning_time

NAMED: Final = 5
"""Chats that are left out and named."""


def build_yesterday(settings: DefinitionSettings) -> dg.ScheduleDefinition:
    """Returns the schedule, at DAILY_SCHEDULE_CRON in the deployment's zone."""
    status = dg.DefaultScheduleStatus
    running = settings.run_sensors

    @dg.schedule(
        name="yesterday",
        cron_schedule=settings.daily_schedule_cron,
        execution_timezone=settings.timezone,
        job=FETCH_DAYS,
        default_status=status.RUNNING if running else status.STOPPED,
        description="Asks for yesterday of every chat that is not paused, and for a few earlier days that"
        " are missing (HEAL_DAYS). It starts no run itself: the sensor requests does, so a tick that is"
        " skipped is right, and says what it asked for. Off: no chat is kept up to date by itself.",
    )
    @skips_in_trouble
    def yesterday(context: dg.ScheduleEvaluationContext) -> dg.SkipReason:
        present = Settings.read()
        began = planning_time(present, context.scheduled_execution_time)
        day = day_of(began, settings.zone) - ONE_DAY
        with Ledger.open(present.ledger_location) as ledger:
            chats = [identity.key for identity in IdentityTable(ledger).all() if not identity.paused]
            asked = plan_round(
                ledger,
                chats,
                day,
                present.heal_days,
                now=time.time(),
                history_start=settings.history_start,
            )
        if not chats:
            return dg.SkipReason("no chat to fetch: add one with tg-fetcher chats add, or TELEGRAM_CHATS")
        return dg.SkipReason(told(asked, day))

    return yesterday


def told(asked: Round, day: date) -> str:
    """Returns what a round asked for, in one line."""
    days = sum(map(len, asked.days.values()))
    line = (
        f"asked for {days} days of {len(asked.days)} chats up to {day}; the sensor `requests` starts the runs"
    )
    if not asked.left_out:
        return line
    named = ", ".join(asked.left_out[:NAMED])
    more = f" and {len(asked.left_out) - NAMED} more" if len(asked.left_out) > NAMED else ""
    return f"{line}; left out, since they cannot be read: {named}{more}"


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
