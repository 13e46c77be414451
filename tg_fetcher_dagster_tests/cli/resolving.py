"""A chat that is asked for by its name, as `chats add` does."""

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.cli.resolving import ask_for_chats
from tg_fetcher_dagster.settings import Settings


async def resolved(settings: Settings, chat: str) -> ChatIdentity:
    """Returns who the chat is; the sandbox knows it."""
    with open_identities(settings) as identities:
        [(_, found)] = [each async for each in ask_for_chats(settings, identities, [parse_spelling(chat)])]
    assert isinstance(found, ChatIdentity)
    return found
