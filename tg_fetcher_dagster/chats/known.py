"""The chats as they were known at one moment, and whom a spelling means among them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.naming import (
    Known,
    MovedName,
    lost_lines,
    meant_first,
    meant_now,
    moved_names,
)
from tg_fetcher_dagster.chats.spelling import ChatSpelling, parse_spelling


@dataclass(frozen=True, kw_only=True)
class DamagedChat:
    """A chat of which only the key and the id are legible; the next sight of it makes it whole.

    Attributes:
        paused: whether the schedules leave it out.
        line: what is wrong, for `status` and the log.
    """

    key: str
    marked_id: int
    paused: bool
    line: str


@dataclass(frozen=True)
class KnownChats:
    """All chats of one moment; answers are remembered, so that many asks for few chats cost little.

    Attributes:
        chats: by key.
        forgotten: those that were removed, by key: their keys, and the files under them, stay theirs.
        damaged: those that cannot be read, by key.
    """

    chats: Known = field(default_factory=dict)
    forgotten: Known = field(default_factory=dict)
    damaged: Mapping[str, DamagedChat] = field(default_factory=dict)
    _now: dict[ChatSpelling, ChatIdentity | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all chats that are kept, damaged ones too."""
        return frozenset((*self.chats, *self.damaged))

    def find(self, spelling: ChatSpelling) -> ChatIdentity | None:
        """Returns the chat that an explicit ask means; None where Telegram must be asked.

        No request where the chat had the name at its last sight. Once a sight says otherwise, the name is
        asked for anew, once, and what came of it is kept.
        """
        if spelling not in self._now:
            self._now[spelling] = meant_now(self.chats, spelling)
        return self._now[spelling]

    def first_meant(self, spelling: ChatSpelling) -> ChatIdentity | None:
        """Returns the chat that a configured spelling goes on with, until `confirm`."""
        return meant_first(self.chats, spelling)

    def kept(self, text: str) -> ChatIdentity | None:
        """Returns whom a person means by a chat that is kept: a key, which is a folder, before a name.

        Raises:
            FetchError: (validation) the text is neither.
        """
        spelling = parse_spelling(text)
        return self.chats.get(text) or self.find(spelling) or self.first_meant(spelling)

    def by_marked_id(self, marked_id: int) -> ChatIdentity | None:
        """Returns the chat with this very marked id."""
        return next((each for each in self.chats.values() if each.marked_id == marked_id), None)

    def damaged_with(self, marked_id: int) -> DamagedChat | None:
        """Returns the damaged chat with this very marked id."""
        return next((each for each in self.damaged.values() if each.marked_id == marked_id), None)

    def all(self) -> list[ChatIdentity]:
        """Returns every known chat, sorted by key."""
        return [self.chats[key] for key in sorted(self.chats)]

    def moved(self) -> list[MovedName]:
        """Returns the names that another chat has now and that wait for a person to confirm it."""
        return moved_names(self.chats)

    def notice(self, key: str) -> str | None:
        """Returns what whoever is told of a chat should know of its names; None where there is nothing."""
        chat = self.chats.get(key)
        if chat is None:
            return None
        moved = [each for each in self.moved() if key == each.chat.key or chat.marked_id == each.owner]
        return "; ".join([*(each.line for each in moved), *lost_lines(chat)]) or None

    def name_lines(self) -> list[str]:
        """Returns a line for each name that moved or was lost, for whoever looks after the chats."""
        moved = (each.line for each in self.moved())
        return [*moved, *(line for chat in self.all() for line in lost_lines(chat))]

    def damage_lines(self) -> list[str]:
        """Returns a line for each chat that cannot be read."""
        return [self.damaged[key].line for key in sorted(self.damaged)]
