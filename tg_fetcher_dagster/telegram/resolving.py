"""The one way to find out who a chat is: at the least cost, and kept before anything else is asked.

A name costs one of about 200 resolves a day (telegram.md, 22).
"""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import structlog

from tg_fetcher_dagster.chats.access import note_access
from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.spelling import ChatSpelling, parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.reader import TelegramReader

log = structlog.get_logger(__name__)


async def resolve_chats(
    reader: TelegramReader, identities: IdentityTable, spellings: Iterable[ChatSpelling], *, zone: ZoneInfo
) -> AsyncIterator[tuple[ChatSpelling, ChatIdentity | FetchError]]:
    """Yields who each chat is now, or why that could not be found out; either is kept.

    Args:
        reader: an open one.
        identities: where the answers are kept.
        spellings: as somebody wrote them; a name gives whoever has it now.
        zone: of the day of a chat's first message.
    """
    for spelling in spellings:
        try:
            known = identities.record(await reader.resolve(spelling, identities.find(spelling)))
            yield spelling, await _with_first_message(known, reader, identities, zone)
        except FetchError as error:
            identities.record_failure(spelling, error, datetime.now(UTC))
            yield spelling, error


async def identify(reader: TelegramReader, identities: IdentityTable, key: str) -> ChatIdentity:
    """Returns who the chat of a key is, looked up only where the table does not tell this account how to ask.

    A known key is its chat for ever, whoever has a username of the same letters now.

    Raises:
        FetchError: it cannot be found out.
    """
    known = identities.get(key)
    if known is not None and reader.can_address(known):
        return known
    if known is not None:
        return identities.record(await reader.look_up(known))
    recorded = identities.record(await reader.resolve(parse_spelling(key)))
    if recorded.key != key:
        raise FetchError(
            ErrorType.VALIDATION, f"chat {key!r} is kept as {recorded.key!r}: ask for it by that key"
        )
    return recorded


async def _with_first_message(
    known: ChatIdentity, reader: TelegramReader, identities: IdentityTable, zone: ZoneInfo
) -> ChatIdentity:
    """Returns the chat with the day of its first message; without it where Telegram is in trouble.

    Raises:
        FetchError: the account may not read the chat, which is kept, too.
    """
    try:
        first = await reader.first_message_date(known)
    except FetchError as error:
        if not error.retryable:
            note_access(identities.ledger, known.key, error)
            raise
        log.warning("first message not found out", chat=known.key, error=error.message)
        return known
    note_access(identities.ledger, known.key, None)
    day = first.astimezone(zone).date() if first else None
    return identities.record(known.model_copy(update={"first_message_date": day}))
