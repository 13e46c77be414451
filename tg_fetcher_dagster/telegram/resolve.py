"""From a chat's spelling to its identity, at the least cost.

A username costs one of about 200 resolves a day and account (telegram.md, 22): it is asked for once, and
the chat is addressed by its id and access hash ever after.
"""

from typing import Any

import structlog
from telethon.tl import functions, types

from tg_fetcher_dagster.commands.chats import ChatSpelling, bare_id, id_key, is_channel
from tg_fetcher_dagster.commands.identity import ChatIdentity
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.dialogs import DialogSeen, walk_dialogs
from tg_fetcher_dagster.telegram.peers import identity_of, input_peer, marked_id_of, needs_access_hash
from tg_fetcher_dagster.telegram.requests import RequestLine

log = structlog.get_logger(__name__)


class ChatFinder:
    """Finds chats for one account; the account's dialogs are walked at most once."""

    def __init__(self, send: RequestLine, *, account: str) -> None:
        self._send = send
        self._account = account
        self._dialogs: dict[int, DialogSeen] | None = None

    async def resolve(self, spelling: ChatSpelling, known: ChatIdentity | None) -> ChatIdentity:
        """Returns who a chat is now, with the access hash of this account.

        Raises:
            FetchError: (not_found) there is no such chat, or the account does not know it; (no_access) the
                account may not read it; (validation) a known chat's username means another chat now.
        """
        entity = await self._entity(spelling, known)
        if known is not None and marked_id_of(entity) != known.marked_id:
            raise FetchError(
                ErrorType.VALIDATION,
                f"@{spelling.username or known.username} changed hands: it meant {id_key(known.marked_id)}"
                f" (kept as {known.key}) and now means {id_key(marked_id_of(entity))};"
                " remove the old chat if the new one is meant",
            )
        about = f"chat {known.key if known else spelling.canonical}"
        seen = identity_of(entity, account=self._account, known=known)
        if seen.type not in {"channel", "supergroup"}:
            return seen
        answer = await self._send(
            functions.channels.GetFullChannelRequest(types.InputChannel(entity.id, entity.access_hash or 0)),
            about=about,
        )
        return identity_of(entity, account=self._account, known=known, details=answer.full_chat)

    async def access_hash(self, identity: ChatIdentity) -> int | None:
        """Returns the access hash with which this account addresses a chat; None where none is needed.

        Raises:
            FetchError: as `resolve`.
        """
        if not needs_access_hash(identity.marked_id):
            return None
        kept = identity.access_hashes.get(self._account)
        if kept is not None:
            return kept
        seen = (await self._all_dialogs()).get(identity.marked_id)
        if seen is not None and getattr(seen.entity, "access_hash", None) is not None:
            return int(seen.entity.access_hash)
        if identity.username is None:
            raise self._unknown(identity.key)
        entity = await self._entity_of_username(identity.username)
        if marked_id_of(entity) != identity.marked_id:
            raise FetchError(
                ErrorType.VALIDATION,
                f"@{identity.username} changed hands: it meant {id_key(identity.marked_id)}"
                f" (kept as {identity.key}) and now means {id_key(marked_id_of(entity))}",
            )
        return int(entity.access_hash or 0)

    async def _entity(self, spelling: ChatSpelling, known: ChatIdentity | None) -> Any:  # noqa: ANN401
        if spelling.username is not None:
            return await self._entity_of_username(spelling.username)
        # What is known already saves the walk over the dialogs.
        marked_ids = (known.marked_id,) if known else spelling.marked_ids
        if known is not None and self._account in known.access_hashes:
            return await self._entity_of_id(
                known.marked_id, known.access_hashes[self._account], about=f"chat {known.key}"
            )
        if not needs_access_hash(marked_ids[0]):
            return await self._entity_of_id(marked_ids[0], None, about=f"chat {spelling.canonical}")
        dialogs = await self._all_dialogs()
        for marked_id in marked_ids:
            if marked_id in dialogs:
                return dialogs[marked_id].entity
        if known is not None and known.username is not None:
            return await self._entity_of_username(known.username)
        raise self._unknown(spelling.canonical)

    async def _entity_of_username(self, username: str) -> Any:  # noqa: ANN401 - Telethon is untyped
        answer = await self._send(functions.contacts.ResolveUsernameRequest(username), about=f"@{username}")
        marked_id = marked_id_of(answer.peer)
        for entity in (*answer.chats, *answer.users):
            if marked_id_of(entity) == marked_id:
                return entity
        raise FetchError(ErrorType.NOT_FOUND, f"@{username}: Telegram named no chat")

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
        entities = answer if isinstance(answer, list) else answer.chats
        for entity in entities:
            if marked_id_of(entity) == marked_id:
                return entity
        raise self._unknown(about.removeprefix("chat "))

    async def _all_dialogs(self) -> dict[int, DialogSeen]:
        if self._dialogs is None:
            log.info("looking through the account's dialogs", account=self._account)
            self._dialogs = {marked_id_of(seen.entity): seen async for seen in walk_dialogs(self._send)}
        return self._dialogs

    def _unknown(self, chat: str) -> FetchError:
        return FetchError(
            ErrorType.NOT_FOUND,
            f"chat {chat}: not among the dialogs of account {self._account}:"
            " join it with the account, or give its @name",
        )
