"""A supergroup may hide from newcomers what was written before they joined (telegram.md, 9 and 36).

Such days are not silent and not final: they are refused as `no_access`, at no request while it is known that
the history is hidden, and read when it was opened. Whether it is, is asked for once in DETAILS_HOLD.
"""

from datetime import date, datetime, timedelta

import structlog

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.request import FetchRequest
from tg_fetcher_dagster.storage.coverage import coverage_in, write_coverage
from tg_fetcher_dagster.telegram.reader import TelegramReader

log = structlog.get_logger(__name__)

DETAILS_HOLD = timedelta(hours=24)
"""How long it is believed that a group hides its history, or does not."""


def refusal(chat: str, shown_from: date | None) -> FetchError:
    """Returns why a day cannot be read.

    Args:
        chat: the chat key.
        shown_from: the day of the first message that the account may read; None where it may read none.
    """
    what = f"what was written before {shown_from}" if shown_from is not None else "all that was written"
    return FetchError(
        ErrorType.NO_ACCESS,
        f"chat {chat}: the group hides {what} from the account, which joined later",
    )


def details_hold(identity: ChatIdentity, now: datetime) -> bool:
    """Returns whether what is known of a chat's details is still believed."""
    return identity.details_seen_at is not None and now - identity.details_seen_at < DETAILS_HOLD


async def hidden_below(
    identity: ChatIdentity,
    context: FetchContext,
    telegram: TelegramReader,
    *,
    shown_from: date | None,
    anew: bool = False,
) -> int | None:
    """Returns the newest message that a group hides from the account, None where none is, and keeps it.

    One request where what is known does not hold any more.

    Args:
        identity: the group, as it is known.
        context: with the identity table.
        telegram: the account that reads.
        shown_from: the day of the first message that was met.
        anew: ask, whatever is known.

    Raises:
        FetchError: any.
    """
    now = context.now()
    if details_hold(identity, now) and not anew:
        hidden, seen_at = identity.available_min_id, identity.details_seen_at or now
    else:
        hidden, seen_at = await telegram.available_min_id(identity), now
    context.identities.keep_details(
        identity.key, available_min_id=hidden, seen_at=seen_at, shown_from=shown_from if hidden else None
    )
    return hidden


async def refused_days(
    request: FetchRequest, context: FetchContext, telegram: TelegramReader | None
) -> dict[date, FetchError]:
    """Returns the asked days that a group is known to hide; none where the history was opened meanwhile.

    Args:
        request: what is asked.
        context: with the identity table.
        telegram: to look again with, where what is known does not hold any more; None where it does.

    Raises:
        FetchError: any.
    """
    identity = context.identities.get(request.chat)
    if identity is None or identity.shown_from is None or not is_asked_below(request, identity):
        return {}
    if telegram is not None:
        known = identity.available_min_id
        shown_from = identity.shown_from
        hidden = await hidden_below(identity, context, telegram, shown_from=shown_from, anew=True)
        if hidden != known:
            log.info(
                "a hidden history was opened", chat=request.chat, was_hidden_to=known, is_hidden_to=hidden
            )
            _read_again(request.chat, identity.shown_from, context)
            return {}
    return {
        day: refusal(request.chat, identity.shown_from) for day in request.days if day < identity.shown_from
    }


def is_asked_below(request: FetchRequest, identity: ChatIdentity) -> bool:
    """Returns whether a request touches days that a group is known to hide, or its first shown one."""
    return identity.shown_from is not None and min(request.days) <= identity.shown_from


def _read_again(chat: str, day: date, context: FetchContext) -> None:
    """The first day that was shown may have more now: it is not final any more."""
    with context.ledger.write() as connection:
        coverage = coverage_in(connection, chat, day)
        if coverage is not None and coverage.final:
            write_coverage(connection, coverage.model_copy(update={"final": False}))
