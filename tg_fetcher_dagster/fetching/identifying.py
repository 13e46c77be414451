"""Who the chat is whose days are fetched: looked up where that is needed, followed where it goes on."""

import structlog

from tg_fetcher_dagster.chats.identity import ChatIdentity, UsernameMovedError
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.telegram.access import ChatMigratedError
from tg_fetcher_dagster.telegram.reader import TelegramReader

log = structlog.get_logger(__name__)


async def identify(chat: str, context: FetchContext, telegram: TelegramReader) -> ChatIdentity:
    """Returns who a chat is, looked up only where the table does not tell this account how to ask.

    A known key is its chat for ever, whoever has a username of the same letters now.

    Args:
        chat: the chat key.
        context: with the identity table.
        telegram: the account that reads.

    Raises:
        FetchError: it cannot be found out.
    """
    known = context.identities.get(chat)
    if known is not None and telegram.can_address(known):
        return known
    if known is not None:
        return context.identities.record(await telegram.look_up(known))
    recorded = context.identities.record(await telegram.resolve(parse_spelling(chat)))
    if recorded.key != chat:
        raise FetchError(
            ErrorType.VALIDATION, f"chat {chat!r} is kept as {recorded.key!r}: ask for it by that key"
        )
    return recorded


def gone_on(
    group: ChatIdentity, moved: ChatMigratedError, context: FetchContext, telegram: TelegramReader
) -> ChatIdentity:
    """Returns the identity under which a basic group's key goes on, now that the group is a supergroup."""
    kept = context.identities.migrated(group.key, into=telegram.successor(group, moved))
    log.info("a basic group became a supergroup", chat=group.key, marked_id=kept.marked_id)
    return kept


def keep_moved_name(error: FetchError, context: FetchContext) -> None:
    """Keeps whom a chat's name means now, where that was found out when the chat itself was not."""
    if not isinstance(error, UsernameMovedError):
        return
    try:
        context.identities.lose_name(error.name, owner=error.owner)
    except FetchError as refused:
        log.warning("a moved name is not kept", name=error.name, error=refused.message)
