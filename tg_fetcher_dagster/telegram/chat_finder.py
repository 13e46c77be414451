"""From a chat's spelling to its identity, at the least cost.

A username costs one of about 200 resolves a day and account (telegram.md, 22): it is asked for once, and
the chat is addressed by its id and access hash ever after. A known chat is never found by a name alone: the
name may be another chat's by now.
"""

from datetime import datetime
from typing import Any

import structlog
from telethon.tl import functions, types

from tg_fetcher_dagster.chats.identity import ChatIdentity, UsernameMovedError
from tg_fetcher_dagster.chats.ids import bare_id, id_key, is_channel
from tg_fetcher_dagster.chats.spelling import ChatSpelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.dialogs import DialogSeen, walk_dialogs
from tg_fetcher_dagster.telegram.errors import error_name
from tg_fetcher_dagster.telegram.peers import (
    by_marked_id,
    hash_of,
    identity_of,
    input_peer,
    marked_id_of,
    needs_access_hash,
)
from tg_fetcher_dagster.telegram.requests import Send

log = structlog.get_logger(__name__)

NOBODY = frozenset({"USERNAME_NOT_OCCUPIED", "USERNAME_INVALID"})
"""What Telegram answers for a name that nobody has."""

STALE = frozenset({"CHANNEL_INVALID", "CHANNEL_ID_INVALID", "PEER_ID_INVALID", "USER_ID_INVALID"})
"""What Telegram answers for an access hash that is not this account's, and for a chat that is gone: it does
not tell which. CHANNEL_PRIVATE and CHAT_FORBIDDEN are no access, whatever the hash is (telegram.md, 21)."""


class ChatFinder:
    """Finds chats for one account; the account's dialogs are walked at most once.

    Args:
        send: the account's way to Telegram.
        account: the account's label.
        user_id: the Telegram user that is signed in: what it sees is kept under this id.
        signed_in_at: when the session was saved under the label.
    """

    def __init__(self, send: Send, *, account: str, user_id: int, signed_in_at: datetime) -> None:
        self._send = send
        self._account = account
        self._user_id = user_id
        self._signed_in_at = signed_in_at
        self._dialogs: dict[int, DialogSeen] | None = None
        self._asked_anew: set[int] = set()

    async def resolve(self, spelling: ChatSpelling, known: ChatIdentity | None) -> ChatIdentity:
        """Returns who a chat is now, with the access hash of this account.

        Args:
            spelling: what was asked for; a name gives whoever has it now, which may not be `known`.
            known: whom the spelling meant so far; its key stays where it is still meant.

        Raises:
            FetchError: (not_found) there is no such chat, or the account does not know it; (no_access) the
                account may not read it.
        """
        if spelling.username is not None:
            entity = await self._entity_of_username(spelling.username)
        elif known is not None:
            entity = await self._entity_of_known(known)
        else:
            entity = await self._entity_of_unknown(spelling)
        if known is not None and marked_id_of(entity) != known.marked_id:
            known = None
        seen = await self._described(
            entity, known, about=f"chat {known.key if known else spelling.canonical}"
        )
        # That a bare number is this chat's, and no other kind's, was found out by asking.
        asked = (spelling.canonical,) if spelling.bare_id is not None else ()
        return seen.model_copy(update={"aliases": asked})

    async def look_up(self, known: ChatIdentity) -> ChatIdentity:
        """Returns a known chat as it is now, with the access hash of this account; never another one.

        Raises:
            UsernameMovedError: the account knows it by its name only, and the name is another chat's now.
            FetchError: as `resolve`.
        """
        return await self._described(await self._entity_of_known(known), known, about=f"chat {known.key}")

    def kept_hash(self, identity: ChatIdentity) -> int | None:
        """Returns the access hash that this account's user has seen, if it is kept.

        Tables of before name the account's label. That hash is this user's where the session was saved under
        the label before the chat was first seen: then nobody else had the label since. Else it is not used.
        """
        kept = identity.access_hashes.get(str(self._user_id))
        if kept is None and self._signed_in_at <= identity.added_at:
            kept = identity.access_hashes.get(self._account)
        return kept

    async def access_hash(self, identity: ChatIdentity) -> int | None:
        """Returns the access hash with which this account addresses a chat; None where none is needed.

        Raises:
            FetchError: as `look_up`.
        """
        if not needs_access_hash(identity.marked_id):
            return None
        kept = self.kept_hash(identity)
        return kept if kept is not None else await self._found_hash(identity)

    async def another_hash(self, identity: ChatIdentity, refused: FetchError) -> int | None:
        """Returns a new access hash after Telegram refused a kept one, at most once a run and chat.

        Args:
            identity: the chat.
            refused: why its request failed.

        Returns:
            None where the failure is another one, or nothing better is known than what was refused.

        Raises:
            UsernameMovedError: the name by which the chat was looked up is another chat's now.
            FetchError: (rate_limit, network, auth) it could not be looked up.
        """
        kept = self.kept_hash(identity)
        if kept is None or identity.marked_id in self._asked_anew or telegrams_name(refused) not in STALE:
            return None
        self._asked_anew.add(identity.marked_id)
        log.warning("a kept access hash is refused: looking the chat up", chat=identity.key)
        try:
            found = await self._found_hash(identity)
        except UsernameMovedError:
            raise
        except FetchError as error:
            if error.error_type is not ErrorType.NOT_FOUND:
                raise
            return None
        return found if found != kept else None

    async def _found_hash(self, identity: ChatIdentity) -> int:
        """Looks a chat up among the dialogs, else by its name."""
        seen = (await self._all_dialogs()).get(identity.marked_id)
        found = hash_of(seen.entity) if seen is not None else None
        return found if found is not None else hash_of(await self._entity_of_own_name(identity)) or 0

    async def _described(self, entity: Any, known: ChatIdentity | None, *, about: str) -> ChatIdentity:  # noqa: ANN401
        seen = identity_of(entity, account=self._account, user_id=self._user_id, known=known)
        if seen.type not in {"channel", "supergroup"}:
            return seen
        answer = await self._send(
            functions.channels.GetFullChannelRequest(types.InputChannel(entity.id, entity.access_hash or 0)),
            about=about,
        )
        return identity_of(
            entity, account=self._account, user_id=self._user_id, known=known, details=answer.full_chat
        )

    async def _entity_of_known(self, known: ChatIdentity) -> Any:  # noqa: ANN401 - Telethon is untyped
        kept = self.kept_hash(known)
        if kept is not None or not needs_access_hash(known.marked_id):
            try:
                return await self._entity_of_id(known.marked_id, kept, about=f"chat {known.key}")
            except FetchError as error:
                if kept is None or error.error_type is not ErrorType.NOT_FOUND:
                    raise
                log.warning("a kept access hash is refused: looking the chat up", chat=known.key)
        dialogs = await self._all_dialogs()
        if known.marked_id in dialogs:
            return dialogs[known.marked_id].entity
        return await self._entity_of_own_name(known)

    async def _entity_of_unknown(self, spelling: ChatSpelling) -> Any:  # noqa: ANN401 - Telethon is untyped
        if not needs_access_hash(spelling.marked_ids[0]):
            return await self._entity_of_id(spelling.marked_ids[0], None, about=f"chat {spelling.canonical}")
        dialogs = await self._all_dialogs()
        for marked_id in spelling.marked_ids:
            if marked_id in dialogs:
                return dialogs[marked_id].entity
        raise self._unknown(spelling.canonical)

    async def _entity_of_own_name(self, known: ChatIdentity) -> Any:  # noqa: ANN401 - Telethon is untyped
        """Asks for a chat by its name and takes nobody else for it."""
        if known.username is None:
            raise self._unknown(known.key)
        entity = await self._entity_of_username(known.username)
        owner = marked_id_of(entity)
        if owner is None or owner == known.marked_id:
            return entity
        raise UsernameMovedError(
            f"chat {known.key}: account {self._account} does not know it, and @{known.username} means"
            f" {id_key(owner)} now: join the chat with the account",
            name=known.username.lower(),
            owner=owner,
        )

    async def _entity_of_username(self, username: str) -> Any:  # noqa: ANN401 - Telethon is untyped
        try:
            answer = await self._send(
                functions.contacts.ResolveUsernameRequest(username), about=f"@{username}"
            )
        except FetchError as error:
            if telegrams_name(error) in NOBODY:
                raise UsernameMovedError(error.message, name=username.lower(), owner=None) from error
            raise
        entity = by_marked_id((*answer.chats, *answer.users)).get(marked_id_of(answer.peer) or 0)
        if entity is not None:
            return entity
        named = sorted({type(each).__name__ for each in (answer.peer, *answer.chats, *answer.users)})
        raise FetchError(
            ErrorType.NOT_FOUND, f"@{username}: Telegram named no chat that can be read ({', '.join(named)})"
        )

    async def _entity_of_id(self, marked_id: int, access_hash: int | None, *, about: str) -> Any:  # noqa: ANN401
        """Asks for a chat by its id: never as a text, which Telethon reads as a phone number."""
        peer = input_peer(marked_id, access_hash)
        if is_channel(marked_id):
            request = functions.channels.GetChannelsRequest(
                [types.InputChannel(peer.channel_id, peer.access_hash)]
            )
        elif marked_id < 0:
            request = functions.messages.GetChatsRequest([bare_id(marked_id)])
        else:
            request = functions.users.GetUsersRequest([types.InputUser(peer.user_id, peer.access_hash)])
        answer = await self._send(request, about=about)
        entity = by_marked_id(answer if isinstance(answer, list) else answer.chats).get(marked_id)
        # Telegram gives an empty user for an access hash that is not this account's.
        if entity is None or isinstance(entity, types.UserEmpty):
            raise self._unknown(about.removeprefix("chat "))
        return entity

    async def _all_dialogs(self) -> dict[int, DialogSeen]:
        if self._dialogs is None:
            log.info("looking through the account's dialogs", account=self._account)
            self._dialogs = {seen.marked_id: seen async for seen in walk_dialogs(self._send)}
        return self._dialogs

    def _unknown(self, chat: str) -> FetchError:
        return FetchError(
            ErrorType.NOT_FOUND,
            f"chat {chat}: not among the dialogs of account {self._account}:"
            " join it with the account, or give its @name",
        )


def telegrams_name(error: FetchError) -> str | None:
    """Returns Telegram's own name of a failure, `CHANNEL_INVALID`; None where it gave no answer."""
    return error_name(error.__cause__) if error.__cause__ is not None else None
