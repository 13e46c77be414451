"""The identity table: which chat each spelling means, kept from earlier resolves and sights.

Resolving a username costs one of about 200 calls a day (telegram.md, 22), so it is asked once and kept. The
rules stand in chats/naming.py; here they are carried out, one transaction a change.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tg_fetcher_dagster.chats.identity import ChatIdentity, ResolveFailure, UsernameMovedError
from tg_fetcher_dagster.chats.identity_rows import IdentityRows
from tg_fetcher_dagster.chats.ids import bare_id, group_marked_id
from tg_fetcher_dagster.chats.known import KnownChats
from tg_fetcher_dagster.chats.naming import MovedName, followed, merged, moved_names, settle_names, with_id
from tg_fetcher_dagster.chats.spelling import ChatSpelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@contextmanager
def open_identities(settings: Settings) -> Iterator["IdentityTable"]:
    """Gives the identity table of a deployment for as long as the block lasts.

    Raises:
        FetchError: as `Ledger.open`.
    """
    with Ledger.open(settings.ledger_location) as ledger:
        yield IdentityTable(ledger)


class IdentityTable:
    """The chats of one ledger; safe for several processes at once.

    Whatever asks it raises `FetchError` (storage) where the database refuses.
    """

    def __init__(self, ledger: Ledger, *, clock: Callable[[], dt.datetime] = _now) -> None:
        self.ledger = ledger
        self._rows = IdentityRows(ledger, clock)
        self._clock = clock

    def known(self) -> KnownChats:
        """Returns all that is known now; take it once where many chats are asked for."""
        return self._rows.read()

    def find(self, spelling: ChatSpelling) -> ChatIdentity | None:
        """Returns the chat that an explicit ask means; see `KnownChats.find`."""
        return self.known().find(spelling)

    def first_meant(self, spelling: ChatSpelling) -> ChatIdentity | None:
        """Returns the chat that a configured spelling goes on with, until `confirm`."""
        return self.known().first_meant(spelling)

    def kept(self, text: str) -> ChatIdentity | None:
        """Returns whom a person means by a chat that is kept; see `KnownChats.kept`."""
        return self.known().kept(text)

    def get(self, key: str) -> ChatIdentity | None:
        """Returns the chat with this key."""
        return self.known().chats.get(key)

    def by_marked_id(self, marked_id: int) -> ChatIdentity | None:
        """Returns the chat with this very marked id."""
        return self.known().by_marked_id(marked_id)

    def all(self) -> list[ChatIdentity]:
        """Returns every known chat, sorted by key."""
        return self.known().all()

    def moved(self) -> list[MovedName]:
        """Returns the names that another chat has now and that wait for a person to confirm it."""
        return self.known().moved()

    def notice(self, key: str) -> str | None:
        """Returns what whoever is told of a chat should know of its names; None where there is nothing."""
        return self.known().notice(key)

    def name_lines(self) -> list[str]:
        """Returns a line for each name that moved or was lost, for whoever looks after the chats."""
        return self.known().name_lines()

    def record(self, seen: ChatIdentity) -> ChatIdentity:
        """Keeps what was just found out of a chat and returns what is now known of it.

        The key given first stays for ever, and no other chat gets it. Whoever had one of its names until now
        loses it. What was not told (an access hash of another user, the linked group, the first message's
        date) stays as it was. A supergroup that was a known basic group goes on under that one's key.
        """
        with self._rows.changing() as writing:
            known = writing.known.chats
            old = with_id(known, seen.marked_id)
            if old is not None and old.marked_id != seen.marked_id:
                return old  # a basic group, of which the supergroup is known already
            is_new = old is None and writing.known.damaged_with(seen.marked_id) is None
            if is_new and seen.migrated_from_chat_id is not None:
                old = with_id(known, group_marked_id(seen.migrated_from_chat_id))
            kept = merged(old, seen)
            if old is None:
                kept = kept.model_copy(update=writing.begun(seen))
            writing.settle_past(kept)
            return writing.keep(kept)

    def follow(self, seen: ChatIdentity) -> ChatIdentity:
        """Keeps what a page says otherwise of a known chat; of a linked group also that it is gone."""
        known = self.known().chats
        kept = followed(known, seen)
        if kept is None or settle_names(known, kept, at=self._clock()) == [known[seen.key]]:
            return seen if kept is None else known[seen.key]
        with self._rows.changing() as writing:
            kept = followed(writing.known.chats, seen)
            return seen if kept is None else writing.keep(kept)

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
        with self._rows.changing() as writing:
            known = writing.known.chats
            group = writing.of_key(key)
            if into.marked_id in {group.marked_id, group.migrated_to_id}:
                return group
            past = {"migrated_from_chat_id": bare_id(group.marked_id)}
            other = with_id(known, into.marked_id)
            if writing.known.damaged_with(into.marked_id) is not None:
                return writing.gone_to(group, into.marked_id)
            if other is None:
                return writing.keep(merged(group, into.model_copy(update=past)))
            if other.migrated_from_chat_id is None:
                writing.write(other.model_copy(update=past))
            return writing.gone_to(group, into.marked_id)

    def confirm(self, name: str) -> MovedName:
        """Lets a configured name mean the chat that has it now; returns what it meant until now.

        Raises:
            FetchError: (not_found) the name waits for nobody.
        """
        with self._rows.changing() as writing:
            moved = next((each for each in moved_names(writing.known.chats) if each.name == name), None)
            if moved is None:
                raise FetchError(ErrorType.NOT_FOUND, f"@{name} waits for nobody: see tg-fetcher chats list")
            lost = {each: was for each, was in moved.chat.lost_names.items() if each != name}
            writing.write(moved.chat.model_copy(update={"lost_names": lost}))
            return moved

    def lose_name(self, name: str, *, owner: int | None) -> bool:
        """Keeps whom Telegram names for a username (None: nobody); False where no known chat had it."""
        with self._rows.changing() as writing:
            return writing.lose_name(name, owner=owner)

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
            with self._rows.changing() as writing:
                writing.write(writing.of_key(key).model_copy(update=details))

    def set_paused(self, key: str, *, paused: bool) -> ChatIdentity:
        """Turns a chat's schedules off or on; commands are honoured all the same.

        Raises:
            FetchError: (not_found) no chat has this key.
        """
        with self._rows.changing() as writing:
            changed = writing.of_key(key).model_copy(update={"paused": paused})
            writing.write(changed)
            return changed

    def remove(self, key: str) -> bool:
        """Forgets a chat; returns False if none had this key. Its files are not this table's to delete."""
        with self._rows.changing() as writing:
            return writing.forget(key)

    def record_failure(self, spelling: ChatSpelling, error: FetchError, at: dt.datetime) -> None:
        """Keeps why a spelling could not be resolved; a name that nobody has stays with who had it last."""
        failure = ResolveFailure(
            error_type=error.error_type, error=error.message, at=at, retry_after=error.retry_after
        )
        with self._rows.changing() as writing:
            if isinstance(error, UsernameMovedError):
                known_loser = writing.lose_name(error.name, owner=error.owner)
                if known_loser and error.owner is None and spelling.username == error.name:
                    return
            writing.write_failure(spelling.canonical, failure)

    def failure(self, spelling: ChatSpelling) -> ResolveFailure | None:
        """Returns why a spelling could not be resolved the last time; None after a success."""
        return self._rows.failures([spelling.canonical]).get(spelling.canonical)

    def failures(self, spellings: Iterable[ChatSpelling]) -> dict[str, ResolveFailure]:
        """Returns the same for many spellings in one query, by canonical spelling."""
        return self._rows.failures(sorted({spelling.canonical for spelling in spellings}))
