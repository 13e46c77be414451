"""An account's line to Telegram, set up from the settings, and who the account is."""

from collections.abc import Callable
from typing import Any

from telethon.tl import functions, types

from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.accounts import floods_path
from tg_fetcher_dagster.telegram.clock import TelegramClock, clock_path
from tg_fetcher_dagster.telegram.errors import UnknownConstructorError
from tg_fetcher_dagster.telegram.link import Link
from tg_fetcher_dagster.telegram.pacing import FloodDeadlines, Pace, Timing
from tg_fetcher_dagster.telegram.requests import RequestLine
from tg_fetcher_dagster.telegram.sessions import KeySession


def account_line(
    settings: Settings,
    session: KeySession,
    *,
    account: str,
    quarantine: Callable[[str], None],
    timing: Timing | None = None,
) -> RequestLine:
    """Returns the way of an account's requests; it connects at the first one. Close it.

    Args:
        settings: as they are now.
        session: whose key it is.
        account: the account's name in SESSION_DIR, which its flood deadlines go by.
        quarantine: is told why Telegram has ended the account's session.
        timing: how time passes.
    """
    passing = timing or Timing()
    return RequestLine(
        lambda: Link(session, settings),
        account=account,
        pace=Pace(settings.rate_limit_calls_per_sec, clock=passing.monotonic, sleep=passing.sleep),
        floods=FloodDeadlines(floods_path(settings.session_dir, account), clock=passing.wall),
        flood_wait_in_run=settings.flood_wait_in_run,
        quarantine=quarantine,
        clock=TelegramClock(clock_path(settings.session_dir), timing=passing),
        sleep=passing.sleep,
    )


async def own_user(send: RequestLine, *, about: str) -> Any | None:  # noqa: ANN401 - Telethon is untyped
    """Returns the account's own user; None where the answer holds something newer than this Telethon.

    Raises:
        FetchError: (auth) Telegram refuses the session; (network, rate_limit, internal) there is no answer.
    """
    try:
        users = await send(functions.users.GetUsersRequest([types.InputUserSelf()]), about=about)
    except UnknownConstructorError:
        return None  # it was told as an alarm, and reading goes on without the account's own name
    return users[0] if users else None
