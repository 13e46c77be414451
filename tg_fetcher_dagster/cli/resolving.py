"""Chats are resolved once, under the account's lease, and kept in the identity table."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import structlog

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.spelling import ChatSpelling, parse_spelling
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.reader import TelegramReader

log = structlog.get_logger(__name__)


async def resolve_chats(
    settings: Settings, spellings: Sequence[ChatSpelling]
) -> AsyncGenerator[tuple[ChatSpelling, ChatIdentity | FetchError], None]:
    """Yields who each chat is, or why it could not be found out; Telegram is opened once.

    Raises:
        FetchError: the account cannot be used, or Telegram cannot be reached, at all.
    """
    Store.of(settings).prepare()
    identities = IdentityTable(settings.data_dir)
    async with open_reader(settings) as reader:
        for spelling in spellings:
            try:
                yield spelling, await _resolved(reader, spelling, identities, settings)
            except FetchError as error:
                identities.record_failure(spelling, error, datetime.now(UTC))
                yield spelling, error


async def known_or_resolved(settings: Settings, chat: str) -> ChatIdentity:
    """Returns who a chat is, asking Telegram only where nobody ever did.

    Raises:
        FetchError: there is no such chat, or it cannot be found out.
    """
    spelling = parse_spelling(chat)
    known = IdentityTable(settings.data_dir).find(spelling)
    if known is not None:
        return known
    # Closed here and not when nobody holds it any more: the connection ends with it.
    async with aclosing(resolve_chats(settings, [spelling])) as answers:
        async for _, found in answers:
            if not isinstance(found, FetchError):
                return found
            # A name that nobody has any more stays with the chat that had it last.
            known = IdentityTable(settings.data_dir).find(spelling)
            if known is None:
                raise found
            return known
    raise AssertionError("resolving one chat gives one answer")


async def _resolved(
    reader: TelegramReader, spelling: ChatSpelling, identities: IdentityTable, settings: Settings
) -> ChatIdentity:
    seen = await reader.resolve(spelling, identities.find(spelling))
    try:
        first = await reader.first_message_date(seen)
    except FetchError as error:
        if not error.retryable:
            raise
        # Who the chat is stays known: a name costs one of about 200 resolves a day (telegram.md, 22).
        log.warning("first message not found out", chat=seen.key, error=error.message)
        first = None
    day = first.astimezone(settings.zone).date() if first else None
    return identities.record(seen.model_copy(update={"first_message_date": day}))
