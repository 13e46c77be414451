"""The chats among the account's dialogs, as `chats list --all` and `init` offer them."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.open_reader import open_reader


@dataclass(frozen=True, kw_only=True)
class Dialog:
    """One chat that the account can see.

    Attributes:
        written_at: when its newest message was written.
        state: `kept`, `paused`, or empty where it is not kept.
    """

    chat: ChatIdentity
    written_at: datetime | None
    state: str


def dialogs_of_account(settings: Settings) -> list[Dialog]:
    """Returns the account's chats, the liveliest first: one request for a hundred.

    Raises:
        FetchError: the account cannot be used, or Telegram cannot be reached.
    """
    return asyncio.run(_dialogs(settings))


async def _dialogs(settings: Settings) -> list[Dialog]:
    found = []
    with open_identities(settings) as identities:
        known = {chat.marked_id: chat for chat in identities.all()}
        async with open_reader(settings) as reader:
            async for chat, written_at in reader.dialogs():
                kept = known.get(chat.marked_id)
                if kept is not None:
                    kept = identities.record(chat)
                state = "" if kept is None else "paused" if kept.paused else "kept"
                found.append(Dialog(chat=chat, written_at=written_at, state=state))
    return found
