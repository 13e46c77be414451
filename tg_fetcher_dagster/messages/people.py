"""What the pages say of people and chats beside their display names: usernames, and what few of them have."""

from collections.abc import Iterable
from typing import Any

from tg_fetcher_dagster.messages.own_fields import own_record, rest, silent
from tg_fetcher_dagster.messages.peers import RawRecord, marked_entity_id, usernames

_SAID = ("id", "first_name", "last_name", "title", "username", "usernames", "min", "is_self", "forum")


class People:
    """Usernames and Telegram's own fields by marked id, gathered from the users and chats of the pages.

    A `min` record, of which Telegram sends only part, never replaces a full one.
    """

    def __init__(self) -> None:
        self._usernames: dict[int, list[str]] = {}
        self._more: dict[int, dict[str, Any]] = {}
        self._whole: set[int] = set()
        self._no_peers: dict[tuple[str, int], dict[str, Any]] = {}

    def add(self, entities: Iterable[RawRecord]) -> None:
        """Takes in a page's users or chats."""
        for entity in entities:
            kind = entity.get("_") or ""
            peer_id = marked_entity_id(kind, entity["id"])
            if peer_id is None:
                self._no_peers[kind, entity["id"]] = own_record(entity)
            elif not entity.get("min") or peer_id not in self._whole:
                self._keep(peer_id, kind, entity)

    def _keep(self, peer_id: int, kind: str, entity: RawRecord) -> None:
        if not entity.get("min"):
            self._whole.add(peer_id)
        spellings = usernames(entity)
        if spellings:
            self._usernames[peer_id] = spellings
        more = rest(entity, silent(kind, *_SAID))
        if more:
            self._more[peer_id] = more

    def details(self, peer_id: int) -> dict[str, Any]:
        """Returns the keys of `schema.Person` that are beside its id and name."""
        spellings = self._usernames.get(peer_id)
        return {
            "username": spellings[0] if spellings else None,
            "usernames": spellings if spellings and len(spellings) > 1 else None,
            "more": self._more.get(peer_id),
        }

    def no_peers(self) -> list[dict[str, Any]]:
        """Returns what stood among the users and chats and is neither, by its constructor's name."""
        return list(self._no_peers.values())
