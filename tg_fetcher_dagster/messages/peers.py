"""Who is who: marked ids of raw peers, and the display names that the pages brought along."""

from collections.abc import Iterable
from typing import Any

RawRecord = dict[str, Any]
"""What Telegram gave, as plain JSON data: `_` is the constructor's name."""

CHANNEL_BASE = -1_000_000_000_000
"""Marked ids of channels and supergroups are this minus the id (Bot API's `-100` form)."""
DELETED_ACCOUNT = "Deleted Account"
"""How Telegram's own apps call an account that is gone (it has no name any more)."""


def marked_id(peer: RawRecord | None) -> int | None:
    """Returns a raw peer's marked id, or None for no peer or an unknown kind of one."""
    if not peer:
        return None
    kind = peer.get("_")
    if kind == "PeerUser":
        return peer.get("user_id")
    if kind == "PeerChannel":
        channel_id = peer.get("channel_id")
        return None if channel_id is None else CHANNEL_BASE - channel_id
    if kind == "PeerChat":
        chat_id = peer.get("chat_id")
        return None if chat_id is None else -chat_id
    return None


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
    (core.telegram.org/api/min).

    Attributes:
        self_id: the reading account's own id, once a page showed it: the sender of its private messages.
        forums: marked ids of the supergroups that are forums.
    """

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._partial: set[int] = set()
        self.self_id: int | None = None
        self.forums: set[int] = set()

    def add_users(self, users: Iterable[RawRecord]) -> None:
        """Takes in a page's users."""
        for user in users:
            user_id = user["id"]
            if user.get("is_self"):
                self.self_id = user_id
            self._keep(user_id, _user_name(user), partial=bool(user.get("min")))

    def add_chats(self, chats: Iterable[RawRecord]) -> None:
        """Takes in a page's channels, supergroups and basic groups."""
        for chat in chats:
            kind = chat.get("_", "")
            chat_id = CHANNEL_BASE - chat["id"] if kind.startswith("Channel") else -chat["id"]
            if chat.get("forum"):
                self.forums.add(chat_id)
            self._keep(chat_id, chat.get("title") or "", partial=bool(chat.get("min")))

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

    def find(self, peer_id: int | None) -> str | None:
        """Returns the name, or None where no page named this peer."""
        return None if peer_id is None else self._names.get(peer_id)

    def name(self, peer_id: int) -> str:
        """Returns the name, or what stands for it: `user_1`, `chat_1`, `channel_1`."""
        known = self._names.get(peer_id)
        if known is not None:
            return known
        if peer_id > 0:
            return f"user_{peer_id}"
        return f"channel_{CHANNEL_BASE - peer_id}" if peer_id < CHANNEL_BASE else f"chat_{-peer_id}"


def _user_name(user: RawRecord) -> str:
    if user.get("deleted"):
        return DELETED_ACCOUNT
    name = f"{user.get('first_name') or ''} {user.get('last_name') or ''}".strip()
    if name:
        return name
    spellings = [user.get("username"), *(entry.get("username") for entry in user.get("usernames") or ())]
    return next((f"@{username}" for username in spellings if username), "")
