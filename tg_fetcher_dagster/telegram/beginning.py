"""Where a chat begins: its oldest message, asked for once a walk, ends that walk, whatever is counted."""

from datetime import datetime
from typing import Any

from telethon.tl import functions, types

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.pages import OLDEST, page_request
from tg_fetcher_dagster.telegram.requests import Send
from tg_fetcher_dagster.telegram.unknown_constructors import is_unknown_constructor

FIRST_ID = 1
"""Nothing is numbered below it."""

TRIES = 2


class Beginning:
    """What one walk knows of its chat's beginning.

    Attributes:
        is_reached: the walk has come to the oldest message and proved that it is that.
        oldest_id: the oldest message's number, once it was asked for.
    """

    def __init__(self, send: Send, peer: Any, *, about: str) -> None:  # noqa: ANN401 - Telethon is untyped
        self._send = send
        self._peer = peer
        self._about = about
        self.is_reached = False
        self.oldest_id: int | None = None

    @property
    def was_asked(self) -> bool:
        """True where the oldest message is known."""
        return self.oldest_id is not None

    def is_known_at(self, number: int) -> bool:
        """Returns whether it is clear without a request that the chat begins at this message."""
        self.is_reached = number <= FIRST_ID or (self.oldest_id is not None and number <= self.oldest_id)
        return self.is_reached

    async def is_not_before(self, moment: datetime) -> bool:
        """Returns whether the chat has no message older than this: none at all, or its oldest is newer.

        That it has none must be said twice: by its history and by the account's dialog.
        """
        answer = await self._send(page_request(self._peer, OLDEST, limit=1), about=self._about)
        dates = [message.date for message in answer.messages if getattr(message, "date", None) is not None]
        if answer.messages:
            return bool(dates) and min(dates) >= moment
        return await self._dialog_is_empty()

    async def _dialog_is_empty(self) -> bool:
        peer = types.InputDialogPeer(self._peer)
        dialogs = await self._send(functions.messages.GetPeerDialogsRequest([peer]), about=self._about)
        return not any(getattr(dialog, "top_message", 0) for dialog in dialogs.dialogs)

    async def is_at(self, number: int, *, now: bool = False) -> bool:
        """Returns whether the chat begins at this message, as far as it can be read.

        Args:
            number: the oldest message that was met.
            now: do not believe an earlier answer: the message that was the oldest may be deleted since.

        Raises:
            FetchError: (network) Telegram names no oldest message of a chat that has some.
        """
        if now and not self.is_known_at(number):
            self.oldest_id = None
        anchor = OLDEST
        for _ in range(TRIES):
            if self.oldest_id is None:
                try:
                    answer = await self._send(page_request(self._peer, anchor, limit=1), about=self._about)
                except FetchError as error:
                    if not is_unknown_constructor(error):
                        raise
                    anchor = anchor.moved(-1)  # the page that it stands on names it as a hole
                    continue
                self.oldest_id = min((int(message.id) for message in answer.messages), default=None)
        if self.oldest_id is None:
            if not await self._dialog_is_empty():
                raise FetchError(
                    ErrorType.NETWORK,
                    f"{self._about}: Telegram names no oldest message of a chat that has some",
                )
            self.oldest_id = number  # all that was met is deleted by now
        return self.is_known_at(number)
