"""Chats become partitions: those of TELEGRAM_CHATS and those that the account's owner has added.

It only ever adds: deleting a chat's partition under a running run kills the run, and chats that a command
brought in stay.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import dagster as dg

from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.spelling import ChatSpelling, parse_spelling
from tg_fetcher_dagster.defs.jobs import resolve_chats
from tg_fetcher_dagster.defs.partitions import CHATS
from tg_fetcher_dagster.defs.sensors.trouble import skips_in_trouble
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.monitoring.logs import configure_logging
from tg_fetcher_dagster.settings import Settings

ASK_AGAIN = timedelta(hours=6)
"""A chat that could not be resolved is asked for again after this long: a username costs one of about 200
resolves a day (telegram.md, 22)."""


def unresolved(
    spellings: Iterable[ChatSpelling], identities: IdentityTable, now: datetime
) -> list[ChatSpelling]:
    """Returns the chats to resolve now: unknown, and not asked for in vain a short while ago.

    A configured name goes on with the chat that it meant first, whoever has the name now.
    """
    wanted = []
    for spelling in spellings:
        if identities.first_meant(spelling) is not None:
            continue
        failure = identities.failure(spelling)
        if failure is None or failure.at < now - ASK_AGAIN:
            wanted.append(spelling)
    return wanted


def resolve_run(spellings: Iterable[ChatSpelling], now: datetime) -> dg.RunRequest:
    """Returns the run that resolves chats; its key holds for one period, so that one run asks, not many."""
    names = sorted(spelling.canonical for spelling in spellings)
    period = int(now.timestamp() // ASK_AGAIN.total_seconds())
    digest = hashlib.sha256("|".join(names).encode()).hexdigest()[:20]
    return dg.RunRequest(
        run_key=f"chats-{digest}-{period}",
        job_name=resolve_chats.name,
        run_config={"ops": {"resolve": {"config": {"spellings": names}}}},
    )


@dg.sensor(
    name="chats",
    jobs=[resolve_chats],
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds the chats of TELEGRAM_CHATS and those added by hand as partitions. Never deletes.",
)
@skips_in_trouble
def chats(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One tick; a chat whose spelling makes no sense is told in the tick's log and stops no other."""
    settings = Settings.read()
    configure_logging(settings)
    identities = IdentityTable(settings.data_dir)
    spellings = []
    for text in settings.telegram_chats:
        try:
            spellings.append(parse_spelling(text))
        except FetchError as error:
            context.log.warning("setting TELEGRAM_CHATS: %s", error.message)
    now = datetime.now(UTC)
    unknown = unresolved(spellings, identities, now)
    present = frozenset(context.instance.get_dynamic_partitions(CHATS.name or ""))
    new = [identity.key for identity in identities.all() if identity.key not in present]
    if not new and not unknown:
        return dg.SkipReason(f"{len(present)} chats are partitions, none is new")
    return dg.SensorResult(
        run_requests=[resolve_run(unknown, now)] if unknown else [],
        dynamic_partitions_requests=[CHATS.build_add_request(new)] if new else [],
    )


@dg.definitions
def chats_sensor() -> dg.Definitions:
    """Returns the sensor."""
    return dg.Definitions(sensors=[chats])
