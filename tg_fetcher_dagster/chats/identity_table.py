"""The identity table: which chat each spelling means, kept from earlier resolves and sights.

Resolving a username costs one of about 200 calls a day (telegram.md, 22), so it is asked once and kept. The
rules stand in chats/naming.py; here they are carried out, one writer at a time.
"""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from tg_fetcher_dagster.chats.identity import ChatIdentity, ResolveFailure, UsernameMovedError
from tg_fetcher_dagster.chats.identity_files import IdentityFiles
from tg_fetcher_dagster.chats.naming import (
    Known,
    MovedName,
    lost_lines,
    meant_first,
    meant_now,
    merged,
    moved_names,
    settle_names,
    with_id,
    without_name,
)
from tg_fetcher_dagster.chats.spelling import (
    ChatSpelling,
    bare_id,
    group_marked_id,
    id_key,
    is_channel,
    parse_spelling,
)
from tg_fetcher_dagster.errors import ErrorType, FetchError


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class IdentityTable:
    """The chats that are known in one `DATA_DIR`; safe for several processes at once.

    Whatever changes it raises `FetchError` (storage) where the disk refuses.
    """

    def __init__(self, data_dir: Path, *, clock: Callable[[], dt.datetime] = _now) -> None:
        self._data_dir = data_dir
        self._files = IdentityFiles(data_dir)
        self._clock = clock

    def find(self, spelling: ChatSpelling) -> ChatIdentity | None:
        """Returns the chat that an explicit ask means; None where Telegram must be asked.

        No request where the chat had the name at its last sight. Once a sight says otherwise, the name is
        asked for anew, once, and what came of it is kept.
        """
        return meant_now(self._files.read(), spelling)

    def first_meant(self, spelling: ChatSpelling) -> ChatIdentity | None:
        """Returns the chat that a configured spelling goes on with, until `confirm`."""
        return meant_first(self._files.read(), spelling)

    def kept(self, text: str) -> ChatIdentity | None:
        """Returns whom a person means by a chat that is kept: a key, which is a folder, before a name.

        Raises:
            FetchError: (validation) the text is neither.
        """
        known = self._files.read()
        spelling = parse_spelling(text)
        return known.get(text) or meant_now(known, spelling) or meant_first(known, spelling)

    def get(self, key: str) -> ChatIdentity | None:
        """Returns the chat with this key."""
        return self._files.read().get(key)

    def by_marked_id(self, marked_id: int) -> ChatIdentity | None:
        """Returns the chat with this very marked id."""
        return next((each for each in self._files.read().values() if each.marked_id == marked_id), None)

    def all(self) -> list[ChatIdentity]:
        """Returns every known chat, sorted by key."""
        known = self._files.read()
        return [known[key] for key in sorted(known)]

    def moved(self) -> list[MovedName]:
        """Returns the names that another chat has now and that wait for a person to confirm it."""
        return moved_names(self._files.read())

    def notice(self, key: str) -> str | None:
        """Returns what whoever is told of a chat should know of its names; None where there is nothing."""
        chat = self.get(key)
        if chat is None:
            return None
        moved = [each for each in self.moved() if key == each.chat.key or chat.marked_id == each.owner]
        return "; ".join([*(each.line for each in moved), *lost_lines(chat)]) or None

    def name_lines(self) -> list[str]:
        """Returns a line for each name that moved or was lost, for whoever looks after the chats."""
        moved = (each.line for each in self.moved())
        return [*moved, *(line for chat in self.all() for line in lost_lines(chat))]

    def record(self, seen: ChatIdentity) -> ChatIdentity:
        """Keeps what was just found out of a chat and returns what is now known of it.

        The key given first stays for ever, and no other chat gets it. Whoever had one of its names until now
        loses it. What was not told (an access hash of another user, the linked group, the first message's
        date) stays as it was. A supergroup that was a known basic group goes on under that one's key.
        """
        with self._files.changing() as known:
            old = with_id(known, seen.marked_id)
            if old is not None and old.marked_id != seen.marked_id:
                return old  # a basic group, of which the supergroup is known already
            if old is None and seen.migrated_from_chat_id is not None:
                old = with_id(known, group_marked_id(seen.migrated_from_chat_id))
            kept = merged(old, seen)
            if old is None:
                kept = kept.model_copy(update={"key": self._free_key(seen, known)})
            self._settle_past(known, kept)
            return self._keep(known, kept)

    def follow(self, seen: ChatIdentity) -> ChatIdentity:
        """Keeps what a page says otherwise of a known chat; of a linked group also that it is gone."""
        with self._files.changing() as known:
            old = known.get(seen.key)
            if old is None or old.marked_id != seen.marked_id:
                return seen  # forgotten, or become a supergroup, meanwhile
            told = {"linked_chat_id": seen.linked_chat_id}
            return self._keep(known, merged(old, seen).model_copy(update=told))

    def migrated(self, key: str, *, into: ChatIdentity) -> ChatIdentity:
        """Lets a basic group go on as the supergroup that it became: same key, same files, both ids mean it.

        Where the supergroup is known under a key of its own already, both keys stay; the group's identity
        remains the group's and says in `migrated_to_id` where it went. Doing it twice changes nothing.

        Args:
            key: the group's.
            into: the supergroup as far as it is told (`telegram.peers.successor_of`); its key does not count.

        Returns:
            What is now known under `key`.

        Raises:
            FetchError: (not_found) no chat has this key.
        """
        with self._files.changing() as known:
            group = _of_key(known, key)
            if into.marked_id in {group.marked_id, group.migrated_to_id}:
                return group
            past = {"migrated_from_chat_id": bare_id(group.marked_id)}
            other = with_id(known, into.marked_id)
            if other is None:
                return self._keep(known, merged(group, into.model_copy(update=past)))
            if other.migrated_from_chat_id is None:
                self._files.write(other.model_copy(update=past))
            return self._gone_to(group, into.marked_id)

    def confirm(self, name: str) -> MovedName:
        """Lets a configured name mean the chat that has it now; returns what it meant until now.

        Raises:
            FetchError: (not_found) the name waits for nobody.
        """
        with self._files.changing() as known:
            moved = next((each for each in moved_names(known) if each.name == name), None)
            if moved is None:
                raise FetchError(ErrorType.NOT_FOUND, f"@{name} waits for nobody: see tg-fetcher chats list")
            lost = {each: was for each, was in moved.chat.lost_names.items() if each != name}
            self._files.write(moved.chat.model_copy(update={"lost_names": lost}))
            return moved

    def lose_name(self, name: str, *, owner: int | None) -> bool:
        """Keeps whom Telegram names for a username (None: nobody); False where no known chat had it."""
        with self._files.changing() as known:
            had = [each for each in known.values() if name in each.names | each.lost_names.keys()]
            losers = [each for each in had if each.marked_id != owner]
            for each in losers:
                self._files.write(without_name(known, each, name, owner=owner, at=self._clock()))
            return bool(losers)

    def keep_details(
        self, key: str, *, available_min_id: int | None, seen_at: dt.datetime, shown_from: dt.date | None
    ) -> None:
        """Keeps how far back a group hides its history from the account, and when that was seen.

        Args:
            key: the chat's.
            available_min_id: the newest hidden message; None where none is.
            seen_at: aware.
            shown_from: the day of the first message that is shown; None where nothing is hidden.

        Raises:
            FetchError: (not_found) no chat has this key; (storage) the table cannot be written.
        """
        details = {"available_min_id": available_min_id, "details_seen_at": seen_at, "shown_from": shown_from}
        known = self.get(key)
        if known is None or known.model_copy(update=details) != known:
            with self._files.changing() as chats:
                self._files.write(_of_key(chats, key).model_copy(update=details))

    def set_paused(self, key: str, *, paused: bool) -> ChatIdentity:
        """Turns a chat's schedules off or on; commands are honoured all the same.

        Raises:
            FetchError: (not_found) no chat has this key.
        """
        with self._files.changing() as known:
            changed = _of_key(known, key).model_copy(update={"paused": paused})
            self._files.write(changed)
            return changed

    def remove(self, key: str) -> bool:
        """Forgets a chat; returns False if none had this key. Its files are not this table's to delete."""
        with self._files.changing() as known:
            existed = key in known  # also keeps a key like ../x away from the path
            if existed:
                self._files.forget(key)
            return existed

    def record_failure(self, spelling: ChatSpelling, error: FetchError, at: dt.datetime) -> None:
        """Keeps why a spelling could not be resolved; a name that nobody has stays with who had it last."""
        if isinstance(error, UsernameMovedError):
            known_loser = self.lose_name(error.name, owner=error.owner)
            if known_loser and error.owner is None and spelling.username == error.name:
                return
        failure = ResolveFailure(
            error_type=error.error_type, error=error.message, at=at, retry_after=error.retry_after
        )
        with self._files.changing():
            self._files.write_failure(spelling.canonical, failure)

    def failure(self, spelling: ChatSpelling) -> ResolveFailure | None:
        """Returns why a spelling could not be resolved the last time; None after a success."""
        return self._files.failure(spelling.canonical)

    def _keep(self, known: Known, kept: ChatIdentity) -> ChatIdentity:
        """Writes a chat, and before it those that lose a name to it: a kill between them forgets no name."""
        *losers, settled = settle_names(known, kept, at=self._clock())
        for each in (*losers, settled):
            if each != known.get(each.key):
                self._files.write(each)
        # A bare number means a channel; a user where it was asked for, and then it is among the aliases.
        number = (str(bare_id(settled.marked_id)),) if is_channel(settled.marked_id) else ()
        for spelling in (*settled.aliases, *number):
            self._files.drop_failure(spelling)
        return settled

    def _settle_past(self, known: Known, kept: ChatIdentity) -> None:
        """A basic group that is kept under another key than the supergroup that it was says where it went."""
        if kept.migrated_from_chat_id is None:
            return
        group = with_id(known, group_marked_id(kept.migrated_from_chat_id))
        if group is not None and group.key != kept.key and group.migrated_to_id is None:
            self._gone_to(group, kept.marked_id)

    def _gone_to(self, group: ChatIdentity, marked_id: int) -> ChatIdentity:
        settled = group.model_copy(update={"migrated_to_id": marked_id})
        self._files.write(settled)
        return settled

    def _free_key(self, seen: ChatIdentity, known: Known) -> str:
        """The key of a chat that is new here: its own of before, else its name's, else its id's."""
        forgotten = {each.key: each for each in self._files.forgotten()}
        again = next((each.key for each in forgotten.values() if each.marked_id == seen.marked_id), None)
        if again is not None and again not in known:
            return again
        has_files = seen.key in forgotten and (self._data_dir / seen.key).exists()
        return id_key(seen.marked_id) if seen.key in known or has_files else seen.key


def _of_key(known: Known, key: str) -> ChatIdentity:
    if key not in known:
        raise FetchError(ErrorType.NOT_FOUND, f"no chat {key!r} is known here: tg-fetcher chats list")
    return known[key]
