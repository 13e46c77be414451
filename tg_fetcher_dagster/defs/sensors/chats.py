"""Chats become partitions: those of TELEGRAM_CHATS, those that somebody has added, by command or in the UI.

A partition that was added in the UI under another spelling (`@Some_Chat`) is resolved and gives way to the
chat's key; one that leads to no chat is named once and left out. Nothing else is ever deleted: deleting a
chat's partition under a running run kills the run, and chats that a command brought in stay.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg

from tg_fetcher_dagster.chats.identity_table import IdentityTable, open_identities
from tg_fetcher_dagster.chats.spelling import ChatSpelling, parse_spelling
from tg_fetcher_dagster.chats.stray_partitions import keep_stray_partitions
from tg_fetcher_dagster.defs.jobs import resolve_chats
from tg_fetcher_dagster.defs.partitions import CHATS
from tg_fetcher_dagster.defs.partitions_in_use import partitions_in_use
from tg_fetcher_dagster.defs.run_tags import chat_tags
from tg_fetcher_dagster.defs.sensors.trouble import skips_in_trouble
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.logs.legible import legible
from tg_fetcher_dagster.logs.lines import configure_logging
from tg_fetcher_dagster.settings import DefinitionSettings, Settings

ASK_AGAIN = timedelta(hours=6)
"""A chat that could not be resolved is asked for again after this long: a username costs one of about 200
resolves a day (telegram.md, 22)."""


@dataclass(frozen=True)
class Strays:
    """Partitions that are no chat's key.

    Attributes:
        gave_way: those whose chat is known, under a key of its own.
        spellings: those that may be a chat's name or id.
        left_out: those that lead to no chat, each with the reason.
    """

    gave_way: list[str] = field(default_factory=list)
    spellings: list[ChatSpelling] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def strays_among(partitions: Iterable[str], identities: IdentityTable) -> Strays:
    """Returns the partitions that are no kept chat's key, and what they lead to."""
    known = identities.known()
    strays = Strays()
    parsed: dict[str, ChatSpelling] = {}
    for partition in sorted(set(partitions) - known.keys):
        try:
            parsed[partition] = parse_spelling(partition)
        except FetchError as error:
            strays.left_out[partition] = error.message
    failures = identities.failures(parsed.values())
    for partition, spelling in parsed.items():
        if known.find(spelling) is not None:
            strays.gave_way.append(partition)
            continue
        strays.spellings.append(spelling)
        if spelling.canonical in failures:
            strays.left_out[partition] = failures[spelling.canonical].error
    return strays


def unresolved(
    spellings: Iterable[ChatSpelling], identities: IdentityTable, now: datetime
) -> list[ChatSpelling]:
    """Returns the chats to resolve now: unknown, and not asked for in vain a short while ago.

    A configured name goes on with the chat that it meant first, whoever has the name now.
    """
    known = identities.known()
    unknown = {each.canonical: each for each in spellings if known.first_meant(each) is None}
    failures = identities.failures(unknown.values())
    return [
        each
        for canonical, each in unknown.items()
        if canonical not in failures or failures[canonical].at < now - ASK_AGAIN
    ]


def resolve_run(spellings: Iterable[ChatSpelling], now: datetime) -> dg.RunRequest:
    """Returns the run that resolves chats; its key holds for one period, so that one run asks, not many."""
    names = sorted(spelling.canonical for spelling in spellings)
    period = int(now.timestamp() // ASK_AGAIN.total_seconds())
    digest = hashlib.sha256("|".join(names).encode()).hexdigest()[:20]
    return dg.RunRequest(
        run_key=f"chats-{digest}-{period}",
        job_name=resolve_chats.name,
        run_config={"ops": {"resolve": {"config": {"spellings": names}}}},
        tags=chat_tags(names),
    )


def build_chats_sensor(settings: DefinitionSettings) -> dg.SensorDefinition:
    """Returns the sensor; it runs by default where the deployment says so (RUN_SENSORS)."""
    status = dg.DefaultSensorStatus

    @dg.sensor(
        name="chats",
        jobs=[resolve_chats],
        minimum_interval_seconds=10,
        default_status=status.RUNNING if settings.run_sensors else status.STOPPED,
        description="Keeps a partition for every chat: those of TELEGRAM_CHATS, those that commands"
        " brought, and those added by hand in the UI, each under its own key. Off: new chats get no"
        " partition before their first run. A tick names what is no chat; remove such a partition with"
        " tg-fetcher chats remove NAME.",
    )
    @skips_in_trouble
    def chats(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        present = Settings.read()
        configure_logging(present)
        return _tick(context, present)

    return chats


def _tick(context: dg.SensorEvaluationContext, settings: Settings) -> dg.SensorResult | dg.SkipReason:
    """One tick; a chat whose spelling makes no sense is told in the tick's log and stops no other."""
    present = frozenset(context.instance.get_dynamic_partitions(CHATS.name or ""))
    now = datetime.now(UTC)
    with open_identities(settings) as identities:
        strays = strays_among(present, identities)
        unknown = unresolved([*_configured(context, settings), *strays.spellings], identities, now)
        lines = keep_stray_partitions(identities.ledger, strays.left_out)
        new = [identity.key for identity in identities.all() if identity.key not in present]
    for line in lines:
        context.log.warning("%s", legible(line))
    gone = _not_in_use(strays.gave_way, context.instance, settings)
    if not new and not unknown and not gone:
        left_out = f"; {len(strays.left_out)} are no chats and are left out" if strays.left_out else ""
        return dg.SkipReason(f"{len(present)} chats are partitions, none is new{left_out}")
    runs = [resolve_run(unknown, now)] if unknown else []
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    requests += [CHATS.build_add_request(new)] if new else []
    requests += [CHATS.build_delete_request(gone)] if gone else []
    said = [f"partitions added: {', '.join(new)}"] if new else []
    said += (
        [f"partitions of chats that are kept under another name taken away: {', '.join(gone)}"]
        if gone
        else []
    )
    return dg.SensorResult(
        run_requests=runs,
        dynamic_partitions_requests=requests,
        skip_reason=None if runs else "; ".join(said),
    )


def _configured(context: dg.SensorEvaluationContext, settings: Settings) -> list[ChatSpelling]:
    spellings = []
    for text in settings.telegram_chats:
        try:
            spellings.append(parse_spelling(text))
        except FetchError as error:
            context.log.warning("setting TELEGRAM_CHATS: %s", legible(error.message))
    return spellings


def _not_in_use(partitions: list[str], instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    if not partitions:
        return []
    in_use = partitions_in_use(instance, settings)
    return [each for each in partitions if each not in in_use]


@dg.definitions
def chats_sensor() -> dg.Definitions:
    """Returns the sensor."""
    return dg.Definitions(sensors=[build_chats_sensor(DefinitionSettings.read())])
