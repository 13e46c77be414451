"""The way of an account's requests to one chat."""

from typing import Any

import structlog

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.telegram.chat_finder import ChatFinder
from tg_fetcher_dagster.telegram.peers import input_peer
from tg_fetcher_dagster.telegram.requests import Send

log = structlog.get_logger(__name__)


class ChatLine:
    """Sends requests about one chat; where its access hash is refused, the chat is looked up once more.

    Attributes:
        peer: the chat's input peer. Every request holds this very object, so that a new access hash reaches
            all of them: the one that failed, and those that a walk makes of it later.
    """

    def __init__(
        self, send: Send, finder: ChatFinder, identity: ChatIdentity, access_hash: int | None
    ) -> None:
        self._send = send
        self._finder = finder
        self._identity = identity
        self.peer: Any = input_peer(identity.marked_id, access_hash)

    async def __call__(self, request: Any, *, about: str) -> Any:  # noqa: ANN401 - Telethon is untyped
        """Returns Telegram's answer, as `RequestLine` does."""
        try:
            return await self._send(request, about=about)
        except FetchError as error:
            access_hash = await self._finder.another_hash(self._identity, error)
            if access_hash is None:
                raise
        self.peer.access_hash = access_hash
        return await self._send(request, about=about)
