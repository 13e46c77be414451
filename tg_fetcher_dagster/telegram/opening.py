"""An account's line to Telegram, set up from the settings, and who the account is."""

from collections.abc import Callable
from typing import Any

from telethon.tl import functions, types

from tg_fetcher_dagster.accounts.pacing import FloodDeadlines, Pace, Timing
from tg_fetcher_dagster.accounts.request_counts import RequestCounts
from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.accounts.sessions import KeySession
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.clock import TelegramClock, clock_path
from tg_fetcher_dagster.telegram.errors import UnknownConstructorError
from tg_fetcher_dagster.telegram.link import Link
from tg_fetcher_dagster.telegram.requests import RequestLine


def account_line(
    settings: Settings,
    session: KeySession,
    *,
    restrictions: Restrictions,
    quarantine: Callable[[str], None],
    counts: RequestCounts,
    timing: Timing | None = None,
) -> RequestLine:
    """Returns the way of an account's requests; it connects at the first one. Close it.

    Args:
        settings: as they are now.
        session: whose key it is.
        restrictions: of the account, for its name and its flood deadlines.
        quarantine: is told why Telegram has ended the account's session.
        counts: is told of each request.
        timing: how time passes.
    """
    passing = timing or Timing()
    return RequestLine(
        lambda: Link(session, settings),
        account=restrictions.account,
        pace=Pace(settings.rate_limit_calls_per_sec, clock=passing.monotonic, sleep=passing.sleep),
        floods=FloodDeadlines(restrictions, clock=passing.wall),
        flood_wait_in_run=settings.flood_wait_in_run,
        quarantine=quarantine,
        clock=TelegramClock(clock_path(settings.session_dir), timing=passing),
        counts=counts,
        monotonic=passing.monotonic,
        sleep=passing.sleep,
    )


async def own_user(send: RequestLine, *, about: str) -> Any:  # noqa: ANN401 - Telethon is untyped
    """Returns the account's own user.

    Raises:
        UnknownConstructorError: the answer holds something newer than this Telethon.
        FetchError: (auth) Telegram refuses the session; (network, rate_limit, internal) there is no answer.
    """
    users = await send(functions.users.GetUsersRequest([types.InputUserSelf()]), about=about)
    if not users:
        raise FetchError(ErrorType.INTERNAL, f"{about}: Telegram did not say whose session it is")
    return users[0]


async def own_user_id(send: RequestLine, *, about: str, kept: int | None) -> int:
    """Returns the number of the account's own user: what Telegram says, else what is kept.

    Raises:
        FetchError: as `own_user`; an answer that cannot be read is none where the number is kept.
    """
    try:
        return int((await own_user(send, about=about)).id)
    except UnknownConstructorError:
        if kept is None:
            raise
        return kept  # it was told as an alarm, and reading goes on
