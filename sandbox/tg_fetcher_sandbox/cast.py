"""The cast of a world: everybody and everything that a message may name, found by the scenario's names."""

from dataclasses import dataclass

from tg_fetcher_sandbox.chats import OUTSIDE, Chat
from tg_fetcher_sandbox.errors import SandboxError
from tg_fetcher_sandbox.people import People

ANONYMOUS = "anonymous"
"""A supergroup's hidden admin, who writes as the group itself."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody and everything that a message may name."""

    people: People
    chats: dict[str, Chat]

    @property
    def origins(self) -> list[int]:
        """The channels that generated messages are forwarded from."""
        return [self.chats[OUTSIDE].peer]

    def account_id(self, chat: Chat) -> int:
        """The user behind the account that has this private chat."""
        return next(account.user_id for account in self.people.accounts if account.name in chat.accounts)

    def peer(self, name: str, chat: Chat) -> int:
        """Returns the marked id of a name in the scenario.

        Raises:
            SandboxError: there is no such user, account or chat.
        """
        if name == ANONYMOUS:
            return chat.peer
        if name in self.people.by_name:
            return self.people.by_name[name].id
        if name in self.chats:
            return self.chats[name].peer
        raise SandboxError(f"scenario chats.{chat.name}: there is no user, account or chat {name!r}")
