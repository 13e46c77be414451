"""One transaction that changes chats; what a change means for the others stands in chats/naming.py."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from tg_fetcher_dagster.chats.identity import ChatIdentity, ResolveFailure
from tg_fetcher_dagster.chats.ids import bare_id, group_marked_id, id_key, is_channel
from tg_fetcher_dagster.chats.known import KnownChats
from tg_fetcher_dagster.chats.naming import settle_names, with_id, without_name
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import chats as table
from tg_fetcher_dagster.ledger.database import Connection


@dataclass(frozen=True)
class Writing:
    """One transaction.

    Attributes:
        known: the chats as they were when it began.
        at: when that was, aware.
    """

    connection: Connection
    known: KnownChats
    at: dt.datetime

    def of_key(self, key: str) -> ChatIdentity:
        """Returns the chat with this key.

        Raises:
            FetchError: (not_found) there is none.
        """
        if key not in self.known.chats:
            raise FetchError(ErrorType.NOT_FOUND, f"no chat {key!r} is known here: tg-fetcher chats list")
        return self.known.chats[key]

    def write(self, identity: ChatIdentity) -> None:
        """Keeps a chat under its key."""
        table.put_chat(
            self.connection,
            identity.key,
            marked_id=identity.marked_id,
            identity=identity.model_dump_json(),
            paused=identity.paused,
        )

    def keep(self, kept: ChatIdentity) -> ChatIdentity:
        """Keeps a chat as it is seen now, and those that lose a name to it; returns what is known of it."""
        *losers, settled = settle_names(self.known.chats, kept, at=self.at)
        for each in (*losers, settled):
            if each != self.known.chats.get(each.key):
                self.write(each)
        # A bare number means a channel; a user where it was asked for, and then it is among the aliases.
        number = (str(bare_id(settled.marked_id)),) if is_channel(settled.marked_id) else ()
        table.drop_unresolved(self.connection, [*settled.aliases, *number])
        return settled

    def lose_name(self, name: str, *, owner: int | None) -> bool:
        """Takes a name from whoever had it but its owner; False where no known chat had it."""
        chats = self.known.chats
        had = [each for each in chats.values() if name in each.names | each.lost_names.keys()]
        losers = [each for each in had if each.marked_id != owner]
        for each in losers:
            self.write(without_name(chats, each, name, owner=owner, at=self.at))
        return bool(losers)

    def gone_to(self, group: ChatIdentity, marked_id: int) -> ChatIdentity:
        """Keeps which supergroup a basic group became that goes on under its own key."""
        settled = group.model_copy(update={"migrated_to_id": marked_id})
        self.write(settled)
        return settled

    def settle_past(self, kept: ChatIdentity) -> None:
        """A basic group that is kept under another key than the supergroup that it was says where it went."""
        if kept.migrated_from_chat_id is None:
            return
        group = with_id(self.known.chats, group_marked_id(kept.migrated_from_chat_id))
        if group is not None and group.key != kept.key and group.migrated_to_id is None:
            self.gone_to(group, kept.marked_id)

    def begun(self, seen: ChatIdentity) -> Mapping[str, object]:
        """Returns the key of a chat that is new here: its own of before, else its name's, else its id's.

        One whose row is damaged is not new: it goes on, paused or not.
        """
        chats, forgotten = self.known.chats, self.known.forgotten
        broken = self.known.damaged_with(seen.marked_id)
        if broken is not None:
            return {"key": broken.key, "paused": broken.paused}
        again = next((each.key for each in forgotten.values() if each.marked_id == seen.marked_id), None)
        if again is not None and again not in chats:
            return {"key": again}
        is_taken = seen.key in chats or seen.key in self.known.damaged
        if is_taken or (seen.key in forgotten and table.has_days(self.connection, seen.key)):
            return {"key": id_key(seen.marked_id)}
        return {"key": seen.key}

    def write_failure(self, canonical: str, failure: ResolveFailure) -> None:
        """Keeps why a spelling could not be resolved."""
        row = table.UnresolvedRow(
            failure.error_type.value, failure.error, failure.at.timestamp(), failure.retry_after
        )
        table.put_unresolved(self.connection, canonical, row)

    def forget(self, key: str) -> bool:
        """Puts a chat aside; returns False where none has this key."""
        return table.forget_chat(self.connection, key)
