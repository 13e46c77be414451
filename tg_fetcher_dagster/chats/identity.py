"""Who a chat is: what the identity table keeps of one. The rules of its names stand in chats/naming.py."""

import datetime as dt
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tg_fetcher_dagster.chats.spelling import KEY_PATTERN, parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError


class LostName(BaseModel):
    """A username that a chat had.

    Attributes:
        since: when it was seen without it.
        asked: Telegram was asked since then whose it is.
        owner: the marked id of the chat that has it now; None where nobody has it, or nobody asked yet.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    since: AwareDatetime
    asked: bool = False
    owner: int | None = None


class ChatIdentity(BaseModel):
    """One chat as it was last seen, with every spelling that means it.

    Attributes:
        key: its folder and partition; given once, for ever.
        username: the main one, as Telegram spells it.
        usernames: all that led to it at the last sight, the main one first; None in a table of before.
        lost_names: those that it had earlier, in lower case.
        aliases: every spelling that means it, for whoever reads the file.
        access_hashes: by the id of the Telegram user who saw them, as a text. Tables of before have the
            account's label instead: see `telegram.chat_finder.ChatFinder.kept_hash`.
        account: the label of the account that saw it first.
        reader_user_id: of chats whose message ids are each user's own (private chats, basic groups, what a
            supergroup was before): the Telegram user whose ids its files hold (telegram.md, 8).
        migrated_from_chat_id: of a supergroup the id of the basic group that it was.
        migrated_to_id: of a basic group the marked id of the supergroup that it became, where that one was
            known under a key of its own; else the group's own identity becomes the supergroup's.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str = Field(pattern=KEY_PATTERN)
    marked_id: int
    type: Literal["channel", "supergroup", "group", "chat"]
    title: str
    username: str | None = None
    usernames: tuple[str, ...] | None = None
    lost_names: dict[str, LostName] = Field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    access_hashes: dict[str, int] = Field(default_factory=dict)
    account: str | None = None
    reader_user_id: int | None = None
    linked_chat_id: int | None = None
    migrated_from_chat_id: int | None = None
    migrated_from_max_id: int | None = None
    migrated_to_id: int | None = None
    forum: bool = False
    noforwards: bool = False
    first_message_date: dt.date | None = None
    available_min_id: int | None = None
    details_seen_at: AwareDatetime | None = None
    shown_from: dt.date | None = None
    paused: bool = False
    added_at: AwareDatetime

    @property
    def names(self) -> frozenset[str]:
        """The usernames that led to it when it was last seen, in lower case."""
        return frozenset(name.lower() for name in self.present_names)

    @property
    def present_names(self) -> tuple[str, ...]:
        """The same as Telegram spells them, the main one first; of an old table every alias counts."""
        if self.usernames is not None:
            return self.usernames
        main = (self.username,) if self.username else ()
        told = {name.lower() for name in main} | self.lost_names.keys()
        names = (alias.removeprefix("@").lower() for alias in self.aliases if is_name(alias))
        return (*main, *(name for name in names if name not in told))


class ResolveFailure(BaseModel):
    """A resolve that failed: nobody asks again for the same command."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    error_type: ErrorType
    error: str
    at: AwareDatetime
    retry_after: float | None = None


class UsernameMovedError(FetchError):
    """A username does not lead to the chat that it was asked for.

    Attributes:
        name: in lower case.
        owner: the marked id of the chat that has it; None where nobody has it.
    """

    def __init__(self, message: str, *, name: str, owner: int | None) -> None:
        super().__init__(ErrorType.NOT_FOUND, message)
        self.name = name
        self.owner = owner


def is_name(alias: str) -> bool:
    """True for a username, false for an id in any form."""
    try:
        return parse_spelling(alias).username is not None
    except FetchError:
        return False
