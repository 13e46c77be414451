"""What becomes of the days of a run that did not settle its batch: killed, canceled, or never begun."""

import dagster as dg

from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.spelling import ChatSpelling
from tg_fetcher_dagster.days import day_of
from tg_fetcher_dagster.defs.asked_days import AskedDays, days_of_chats, days_of_keys
from tg_fetcher_dagster.defs.config import batch_id_of, fetch_config_of
from tg_fetcher_dagster.defs.partitions import asked_keys, is_today
from tg_fetcher_dagster.defs.run_end import settle
from tg_fetcher_dagster.ledger import batches
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.requests.registration import ask_for_run, is_asked_here, ui_batch_id
from tg_fetcher_dagster.requests.retrying import How
from tg_fetcher_dagster.requests.wording import counted
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.clock import telegram_now


def settle_left_days(
    run: dg.DagsterRun, instance: dg.DagsterInstance, ledger: Ledger, settings: Settings, *, how: How
) -> str:
    """Brings the days on their way that a run has left; returns what was done, in one line.

    A run of the UI that never began is registered first: what was asked there is not forgotten. A batch that
    was asked for here and whose run never began the reconciler gives to another run, but for an operator's
    cancel, which is meant. A batch that another run does is that run's.
    """
    named = batch_id_of(run)
    asked_here = is_asked_here(named, run.parent_run_id)
    batch_id = named if asked_here and named is not None else ui_batch_id(run.run_id)
    with ledger.read() as connection:
        found = batches.find(connection, batch_id)
    if found is None:
        if asked_here or not _register(run, instance, ledger, settings):
            return "it asked for no day"
    elif found.run_id is None and how != "cancelled":
        return f"batch {batch_id} waits for another run"
    elif found.run_id not in {None, run.run_id}:
        return f"batch {batch_id} is another run's"
    settled = settle(ledger, settings, batch_id, how=how)
    became = {
        "wait": settled.waiting,
        "tried again": settled.again,
        "failed": settled.failed,
        "cancelled": settled.cancelled,
    }
    said = ", ".join(f"{counted(count, 'day')} {what}" for what, count in became.items() if count)
    return f"batch {batch_id}: {said or 'it had settled its days itself'}"


def _register(run: dg.DagsterRun, instance: dg.DagsterInstance, ledger: Ledger, settings: Settings) -> bool:
    asked = _asked(run, instance, ledger, settings)
    if not asked.chats:
        return False
    config = fetch_config_of(run)
    ask_for_run(
        ledger,
        run_id=run.run_id,
        chats=asked.chats,
        today=is_today(run),
        force=config.force,
        limit=config.limit,
    )
    return True


def _asked(run: dg.DagsterRun, instance: dg.DagsterInstance, ledger: Ledger, settings: Settings) -> AskedDays:
    known = IdentityTable(ledger).known()

    def key_of(spelling: ChatSpelling) -> str | None:
        identity = known.find(spelling)
        return identity.key if identity is not None else None

    keys = asked_keys(run, settings, instance)
    if is_today(run):
        return days_of_chats(keys, day_of(telegram_now(settings), settings.zone), key_of=key_of)
    return days_of_keys(keys, key_of=key_of)
