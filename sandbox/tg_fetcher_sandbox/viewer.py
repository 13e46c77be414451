"""What one account sees of the world: entities with its own access hashes, and what it may not see.

Telegram addresses a peer by id and access hash, and the hash is worth something only to the account that was
given it (https://core.telegram.org/api/peers).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from telethon.tl import types

from tg_fetcher_sandbox.chats import OUTSIDE, Chat
from tg_fetcher_sandbox.history import History, Wire
from tg_fetcher_sandbox.people import Account, Person
from tg_fetcher_sandbox.posts import bare, channel_peer, is_channel
from tg_fetcher_sandbox.rpc import Caller, RpcError
from tg_fetcher_sandbox.world import World

FOUNDED = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())


class Viewer:
    """The world through one account's eyes."""

    def __init__(self, world: World, account: Account) -> None:
        self.world = world
        self.account = account

    @classmethod
    def of(cls, world: World, caller: Caller) -> "Viewer":
        """Returns the caller's view.

        Raises:
            RpcError: 401 AUTH_KEY_UNREGISTERED before sign-in.
        """
        return cls(world, world.account(caller.signed_in_account().name))

    def history(self, chat: Chat) -> History:
        """Returns a chat's messages as this account numbers them."""
        return self.world.history(chat, self.account)

    def person(self, given: Any) -> Person | None:  # noqa: ANN401 - Telethon carries no types
        """Returns whom an InputUser or InputPeerUser means; None where id and hash do not belong together."""
        people = self.world.people.by_id
        match given:
            case types.InputUserSelf() | types.InputPeerSelf():
                return people[self.account.user_id]
            case types.InputUser() | types.InputPeerUser():
                is_own = given.user_id == self.account.user_id
                if not is_own and given.access_hash != self.world.access_hash(self.account, given.user_id):
                    return None
                return people.get(given.user_id)
            case types.InputUserFromMessage() | types.InputPeerUserFromMessage():
                chat = self.chat(given.peer)
                place = self.history(chat).place(given.msg_id) if chat else None
                if chat is None or place is None or given.user_id not in self.history(chat).peers([place]):
                    return None
                return people.get(given.user_id)
        return None

    def channel(self, given: Any) -> Chat:  # noqa: ANN401
        """Returns the channel or supergroup that an InputChannel or InputPeerChannel means.

        Raises:
            RpcError: 400 CHANNEL_INVALID for a wrong id or hash, 400 CHANNEL_PRIVATE without access.
        """
        chat = self.named_channel(given)
        self.check_access(chat)
        return chat

    def named_channel(self, given: Any) -> Chat:  # noqa: ANN401
        """As `channel`, also for a channel that keeps this account out.

        Raises:
            RpcError: 400 CHANNEL_INVALID for a wrong id or hash.
        """
        peer = channel_peer(getattr(given, "channel_id", 0))
        chat = self.world.by_peer.get(peer)
        if chat is None or getattr(given, "access_hash", None) != self.world.access_hash(self.account, peer):
            raise RpcError(400, "CHANNEL_INVALID")
        return chat

    def chat(self, given: Any) -> Chat | None:  # noqa: ANN401
        """Returns the chat that an InputPeer means; None for a user without a conversation.

        Raises:
            RpcError: 400 CHANNEL_INVALID, CHANNEL_PRIVATE or PEER_ID_INVALID.
        """
        if isinstance(given, types.InputPeerChannel):
            return self.channel(given)
        if isinstance(given, types.InputPeerChat):
            return self.group(given.chat_id, error="PEER_ID_INVALID")
        person = self.person(given)
        if person is None:
            raise RpcError(400, "PEER_ID_INVALID")
        chat = self.world.by_peer.get(person.id)
        return chat if chat is not None and self.account.name in chat.accounts else None

    def group(self, chat_id: int, *, error: str = "CHAT_ID_INVALID") -> Chat:
        """Returns a basic group that this account is in.

        Raises:
            RpcError: 400 with `error` where there is none.
        """
        chat = self.world.by_peer.get(-chat_id)
        if chat is None or self.account.name not in chat.accounts:
            raise RpcError(400, error)
        if self.account.name in chat.no_access:
            raise RpcError(403, "CHAT_FORBIDDEN")
        return chat

    def forbidden_group(self, given: Any) -> Chat | None:  # noqa: ANN401
        """Returns the basic group that keeps this account out, if an InputPeer means one."""
        chat = self.world.by_peer.get(-given.chat_id) if isinstance(given, types.InputPeerChat) else None
        return chat if chat is not None and self.account.name in chat.no_access else None

    def is_kept_out(self, chat: Chat) -> bool:
        """True where this account may not read the chat: kicked, or private and never joined."""
        name = self.account.name
        if name in chat.no_access:
            return True
        # A discussion group without a username is open to whoever may read its channel.
        linked = self.world.chats[chat.linked] if chat.linked and not chat.is_broadcast else None
        public = chat.username is not None or (linked is not None and linked.username is not None)
        return name not in chat.accounts and not public

    def check_access(self, chat: Chat) -> None:
        """Refuses a chat that this account may not read.

        Raises:
            RpcError: 400 CHANNEL_PRIVATE.
        """
        if self.is_kept_out(chat):
            raise RpcError(400, "CHANNEL_PRIVATE")

    def users(self, peers: Iterable[int]) -> list[Wire]:
        """Returns the users among these peers as Telegram describes them."""
        return [self._entity(peer) for peer in sorted(peers) if peer in self.world.people.by_id]

    def chats(self, peers: Iterable[int]) -> list[Wire]:
        """Returns the groups and channels among these peers as Telegram describes them."""
        return [self._entity(peer) for peer in sorted(peers) if peer < 0 and peer in self.world.by_peer]

    def _entity(self, peer: int) -> Wire:
        known = self.world.entities
        key = (self.account.name, peer)
        if key not in known:
            entity = self._user(peer) if peer > 0 else self._chat(self.world.by_peer[peer])
            known[key] = Wire(bytes(entity._bytes()))  # noqa: SLF001 - Telethon's way to serialise
        return known[key]

    def _user(self, user_id: int) -> Any:  # noqa: ANN401
        person = self.world.people.by_id[user_id]
        own = user_id == self.account.user_id
        return types.User(
            id=user_id,
            access_hash=self.world.access_hash(self.account, user_id),
            is_self=own,
            deleted=person.deleted,
            bot=person.bot,
            bot_info_version=1 if person.bot else None,
            first_name=person.first_name,
            last_name=person.last_name,
            username=person.username,
            phone=person.phone if own else None,
        )

    def _chat(self, chat: Chat) -> Any:  # noqa: ANN401
        if not is_channel(chat.peer):
            return self._group(chat)
        access_hash = self.world.access_hash(self.account, chat.peer)
        if self.is_kept_out(chat) and chat.name != OUTSIDE:
            return types.ChannelForbidden(
                id=bare(chat.peer),
                access_hash=access_hash,
                title=chat.title,
                broadcast=chat.is_broadcast,
                megagroup=not chat.is_broadcast,
            )
        return types.Channel(
            id=bare(chat.peer),
            access_hash=access_hash,
            title=chat.title,
            username=chat.username,
            photo=types.ChatPhotoEmpty(),
            date=FOUNDED,
            left=self.account.name not in chat.accounts,
            broadcast=chat.is_broadcast,
            megagroup=not chat.is_broadcast,
            signatures=chat.spec.signed,
            has_link=chat.linked is not None,
            noforwards=chat.spec.noforwards,
            forum=chat.is_forum,
            participants_count=len(chat.members),
        )

    def _group(self, chat: Chat) -> Any:  # noqa: ANN401
        if self.account.name in chat.no_access:
            return types.ChatForbidden(-chat.peer, chat.title)
        after = self.world.chats[chat.after] if chat.after else None
        return types.Chat(
            id=-chat.peer,
            title=chat.title,
            photo=types.ChatPhotoEmpty(),
            participants_count=len(chat.members),
            date=FOUNDED,
            version=1,
            deactivated=after is not None,
            noforwards=chat.spec.noforwards,
            migrated_to=types.InputChannel(bare(after.peer), self.world.access_hash(self.account, after.peer))
            if after
            else None,
        )
