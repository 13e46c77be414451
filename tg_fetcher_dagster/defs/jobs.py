"""The jobs that sensors and schedules start; a backfill in the UI needs none of them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import dagster as dg
import structlog

from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.defs.failures import failure, refused
from tg_fetcher_dagster.defs.messages import POOL
from tg_fetcher_dagster.defs.resources import TelethonResource
from tg_fetcher_dagster.defs.run_tags import FAILED
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.logs.legible import legible
from tg_fetcher_dagster.telegram import resolving

log = structlog.get_logger(__name__)

NAMED: Final = 10
"""Chats that a failure names."""

FETCH_DAYS = dg.define_asset_job(
    "fetch_days",
    selection=["messages"],
    description="Reads days of one chat, or one day of several chats. The sensor `requests` starts it for"
    " whoever asked; by hand, materialize `messages` instead. A failed run says in its first line what to"
    " do.",
)
FETCH_TODAY = dg.define_asset_job(
    "fetch_today",
    selection=["messages_today"],
    description="Reads the day of a chat that is not over yet, for a command with `mode: today`.",
)


class ChatSpellings(dg.Config):
    """Chats as somebody wrote them."""

    spellings: list[str]


@dg.op(pool=POOL)
async def resolve(context: dg.OpExecutionContext, config: ChatSpellings, telegram: TelethonResource) -> None:
    """Asks Telegram once who the chats are and keeps the answer, or why there is none, in the identity table.

    A chat that cannot be resolved keeps no other from it: its failure is kept with its sort, whoever asked
    for the chat is told, and the run is red in the end.

    Raises:
        Failure: chats were not resolved: one line that names them.
    """
    try:
        await _resolve(context, config, telegram)
    except dg.Failure as failed:
        context.instance.add_run_tags(context.run.run_id, {FAILED: str(failed.metadata["error_type"].value)})
        raise


async def _resolve(context: dg.OpExecutionContext, config: ChatSpellings, telegram: TelethonResource) -> None:
    try:
        fetching = telegram.fetching()
        fetching.store.prepare()
    except FetchError as error:
        raise refused(error) from None
    unknown: dict[str, FetchError] = {}
    try:
        async with telegram.open() as reader:
            wanted = map(parse_spelling, config.spellings)
            zone = fetching.settings.zone
            async for spelling, found in resolving.resolve_chats(
                reader, fetching.identities, wanted, zone=zone
            ):
                if isinstance(found, FetchError):
                    context.log.warning("%s: %s", spelling.canonical, legible(found.message))
                    unknown[spelling.canonical] = found
                else:
                    context.log.info("%s is %s (%s)", spelling.canonical, found.key, legible(found.title))
    except FetchError as error:
        for spelling in map(parse_spelling, config.spellings):
            fetching.identities.record_failure(spelling, error, datetime.now(UTC))
        raise refused(error) from None
    if unknown:
        raise _not_resolved(unknown, of=len(config.spellings))


def _not_resolved(unknown: Mapping[str, FetchError], *, of: int) -> dg.Failure:
    said = "; ".join(error.message for error in list(unknown.values())[:NAMED])
    more = f"; and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
    return failure(
        f"{len(unknown)} of {of} chats cannot be resolved: {said}{more}",
        [error.error_type for error in unknown.values()],
    )


@dg.job(
    description="Finds out who chats are that were never asked for before: one request each. **Red**: the"
    " first line names the chats that cannot be found or read; whoever asked is told, and other chats are"
    " not held up.",
)
def resolve_chats() -> None:
    """One step: a chat costs one request, under the account's lease."""
    resolve()


@dg.definitions
def jobs() -> dg.Definitions:
    """Returns the jobs."""
    return dg.Definitions(jobs=[FETCH_DAYS, FETCH_TODAY, resolve_chats])
