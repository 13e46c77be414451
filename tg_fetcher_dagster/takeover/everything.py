"""The takeover as a whole: in this order, since a command's days are known to have ended by their events."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tg_fetcher_dagster.durable_files import exclusive
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.redis_connection import connect
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import STORE_FORMAT
from tg_fetcher_dagster.takeover.accounts import take_accounts
from tg_fetcher_dagster.takeover.chats import take_chats
from tg_fetcher_dagster.takeover.commands import take_commands
from tg_fetcher_dagster.takeover.days import take_days
from tg_fetcher_dagster.takeover.layout import BETWEEN, layout_of, runs_under_way, set_layout
from tg_fetcher_dagster.takeover.outbox import take_events
from tg_fetcher_dagster.takeover.redis_journal import RedisJournal
from tg_fetcher_dagster.takeover.taking import Report, Taking

_NAMED: Final = 3


def take_over(settings: Settings, make: Callable[[], Ledger] | None) -> Report:
    """Takes over what an older version has left in DATA_DIR, SESSION_DIR and Redis.

    Nothing is asked of Telegram and nothing is deleted. Killed at any step and begun again it comes to the
    same; a folder of the present layout is left alone.

    Args:
        settings: where all that is.
        make: opens the ledger that it goes into, with its tables; None to look only.

    Raises:
        FetchError: (validation) a run of the old version is under way; (network) Redis is away, where
            commands may be in flight; (storage) the disk or the ledger refused.
    """
    layout = layout_of(settings.data_dir)
    if layout in {"old", "between"}:
        _refuse_while_running(settings.data_dir)
    ledger = make() if make is not None else None
    taking = Taking(data_dir=settings.data_dir, session_dir=settings.session_dir, ledger=ledger)
    try:
        if layout in {"none", "present"} or ledger is None:
            _take(taking, settings, is_old=layout in {"old", "between"})
            return taking.report
        with exclusive(settings.data_dir / ".takeover.lock"):
            set_layout(settings.data_dir, BETWEEN, timezone=settings.timezone)
            _take(taking, settings, is_old=True)
            set_layout(settings.data_dir, STORE_FORMAT, timezone=settings.timezone)
    finally:
        if ledger is not None:
            ledger.close()
    return taking.report


def _take(taking: Taking, settings: Settings, *, is_old: bool) -> None:
    take_accounts(taking)  # they may be shared with another DATA_DIR that was taken over before
    if not is_old:
        return
    take_chats(taking)
    take_days(taking, confirm_after=dt.timedelta(hours=settings.deletion_confirm_hours))
    take_events(taking)
    if settings.redis_url is not None:
        client = connect(settings)
        try:
            take_commands(taking, RedisJournal(client, settings.commands_queue, taking.report))
        except FetchError as error:
            if error.error_type is not ErrorType.NETWORK:
                raise
            raise FetchError(
                ErrorType.NETWORK,
                f"{error.message}: commands in flight there are not taken over yet; start it and run"
                " tg-fetcher ledger migrate again (REDIS_URL= where there are none)",
            ) from error
        finally:
            client.close()
    taking.put_rest_aside(settings.data_dir / ".runs")


def _refuse_while_running(data_dir: Path) -> None:
    running = runs_under_way(data_dir)
    if running:
        more = f" and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
        raise FetchError(
            ErrorType.VALIDATION,
            f"runs of the old version are under way ({', '.join(running[:_NAMED])}{more}): stop its daemon"
            " and wait until they have ended",
        )
