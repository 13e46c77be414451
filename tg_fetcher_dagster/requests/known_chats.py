"""What is asked of the table of chats (`chats.identity_table.IdentityTable` is one)."""

from collections.abc import Sequence
from typing import Protocol

from tg_fetcher_dagster.chats.identity import ChatIdentity, ResolveFailure
from tg_fetcher_dagster.chats.naming import MovedName
from tg_fetcher_dagster.chats.spelling import ChatSpelling


class KnownChats(Protocol):
    """Which chat each spelling means; it asks nobody."""

    def find(self, spelling: ChatSpelling) -> ChatIdentity | None:
        """Returns the chat that an explicit ask means; None where Telegram must be asked."""

    def failure(self, spelling: ChatSpelling) -> ResolveFailure | None:
        """Returns why a spelling could not be resolved the last time; None after a success."""

    def moved(self) -> Sequence[MovedName]:
        """Returns the names that another chat has now and that wait for a person to confirm it."""
