"""Who the chat is whose days are fetched: followed where it goes on."""

import structlog

from tg_fetcher_dagster.chats.identity import ChatIdentity, UsernameMovedError
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.telegram.access import ChatMigratedError
from tg_fetcher_dagster.telegram.reader import TelegramReader

log = structlog.get_logger(__name__)


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
