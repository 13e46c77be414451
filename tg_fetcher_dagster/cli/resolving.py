"""Chats are resolved by a command: under the account's lease, and kept in the identity table."""

from collections.abc import AsyncGenerator, Sequence

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.spelling import ChatSpelling
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.resolving import resolve_chats


async def ask_for_chats(
    settings: Settings, identities: IdentityTable, spellings: Sequence[ChatSpelling]
) -> AsyncGenerator[tuple[ChatSpelling, ChatIdentity | FetchError], None]:
    """Yields who each chat is, or why it could not be found out; Telegram is opened once.

    Raises:
        FetchError: the account cannot be used, or Telegram cannot be reached, at all.
    """
    Store.of(settings).prepare()
    async with open_reader(settings) as reader:
        async for answer in resolve_chats(reader, identities, spellings, zone=settings.zone):
            yield answer
