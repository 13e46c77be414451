"""Who is who: marked ids of raw peers, and the display names that the pages brought along."""

from collections.abc import Iterable
from typing import Any

from tg_fetcher_dagster.chats.ids import channel_marked_id, group_marked_id, id_key
from tg_fetcher_dagster.messages.visible import is_visible

RawRecord = dict[str, Any]
"""What Telegram gave, as plain JSON data: `_` is the constructor's name."""

DELETED_ACCOUNT = "Deleted Account"
"""How Telegram's own apps call an account that is gone (it has no name any more)."""

USERS = frozenset({"User", "UserEmpty"})
GROUPS = frozenset({"Chat", "ChatForbidden", "ChatEmpty"})
CHANNELS = frozenset({"Channel", "ChannelForbidden"})
"""Constructors of users and chats by the kind of their marked id; any other one is no peer (`Community`)."""


def marked_entity_id(constructor: str, number: int) -> int | None:
    """Returns the marked id of a user or chat by its constructor, or None for what is neither.

    A basic group, a channel and a user may share a number; their marked ids differ.
    """
    if constructor in USERS:
        return number
    if constructor in CHANNELS:
        return channel_marked_id(number)
    return group_marked_id(number) if constructor in GROUPS else None


def marked_id(peer: RawRecord | None) -> int | None:
    """Returns a raw peer's marked id, or None for no peer or an unknown kind of one."""
    if not peer:
        return None
    kind = peer.get("_")
    if kind == "PeerUser":
        return peer.get("user_id")
    if kind == "PeerChannel":
        channel_id = peer.get("channel_id")
        return None if channel_id is None else channel_marked_id(channel_id)
    if kind == "PeerChat":
        chat_id = peer.get("chat_id")
        return None if chat_id is None else group_marked_id(chat_id)
    return None


def marked_ids(peers: Iterable[RawRecord]) -> list[int]:
    """Returns the marked ids of raw peers; an unknown kind of peer has none."""
    return [peer_id for peer in peers if (peer_id := marked_id(peer)) is not None]


def whole(text: str) -> str:
    """Returns the text as it is, or with lone surrogates replaced: those have no UTF-8 form."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def without_surrogates(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Returns the same JSON data with every text made whole (see `whole`)."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole(key): without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    return value


class Names:
    """Display names by marked id, gathered from the users and chats of the pages.

    A `min` user or channel, of which Telegram sends only part, never replaces a full one
    (core.telegram.org/api/min). What is neither a user nor a chat is passed over.

    Attributes:
        self_id: the reading account's own id: the sender of its private messages.
        forums: whether a channel or supergroup is a forum, by marked id, as it was seen last.
    """

    def __init__(self, self_id: int | None = None) -> None:
        self._names: dict[int, str] = {}
        self._partial: set[int] = set()
        self.self_id = self_id
        self.forums: dict[int, bool] = {}

    def add_users(self, users: Iterable[RawRecord]) -> None:
        """Takes in a page's users."""
        for user in users:
            if user.get("_") not in USERS:
                continue
            user_id = user["id"]
            if user.get("is_self") and self.self_id is None:
                self.self_id = user_id
            self._keep(user_id, _user_name(user), partial=bool(user.get("min")))

    def add_chats(self, chats: Iterable[RawRecord]) -> None:
        """Takes in a page's channels, supergroups and basic groups."""
        for chat in chats:
            kind = chat.get("_", "")
            chat_id = marked_entity_id(kind, chat["id"])
            if chat_id is None:
                continue
            if kind == "Channel" and not chat.get("min"):
                self.forums[chat_id] = bool(chat.get("forum"))
            title = chat.get("title") or ""
            name = title if is_visible(title) else _username(chat)
            self._keep(chat_id, name, partial=bool(chat.get("min")))

    def _keep(self, peer_id: int, name: str, *, partial: bool) -> None:
        if not name:
            return
        if partial:
            if peer_id in self._names and peer_id not in self._partial:
                return
            self._partial.add(peer_id)
        else:
            self._partial.discard(peer_id)
        self._names[peer_id] = whole(name)

    def known(self) -> Iterable[int]:
        """Returns everybody who has a name here, by marked id."""
        return self._names.keys()

    def find(self, peer_id: int | None) -> str | None:
        """Returns the name, or None where no page named this peer."""
        return None if peer_id is None else self._names.get(peer_id)

    def name(self, peer_id: int) -> str:
        """Returns the name, or what stands for it: `user_1`, `chat_1`, `channel_1`."""
        known = self._names.get(peer_id)
        return known if known is not None else id_key(peer_id)


def _user_name(user: RawRecord) -> str:
    name = f"{user.get('first_name') or ''} {user.get('last_name') or ''}".strip()
    if is_visible(name):
        return name
    return DELETED_ACCOUNT if user.get("deleted") else _username(user)


def _username(entity: RawRecord) -> str:
    spelling = next(iter(usernames(entity)), "")
    return f"@{spelling}" if spelling else ""


def usernames(entity: RawRecord) -> list[str]:
    """Returns a user's or channel's usernames, the main one first."""
    spellings = [entity.get("username"), *(each.get("username") for each in entity.get("usernames") or ())]
    return list(dict.fromkeys(spelling for spelling in spellings if spelling))
