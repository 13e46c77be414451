"""The reading side of one account: everything that a fetch asks Telegram for."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import datetime

import structlog
from telethon.tl import functions, types

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.ids import group_marked_id
from tg_fetcher_dagster.chats.spelling import ChatSpelling
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.telegram.access import ChatMigratedError, require_reader
from tg_fetcher_dagster.telegram.chat_finder import ChatFinder
from tg_fetcher_dagster.telegram.chat_line import ChatLine
from tg_fetcher_dagster.telegram.comments import Comments, read_comments
from tg_fetcher_dagster.telegram.dialogs import walk_dialogs
from tg_fetcher_dagster.telegram.edges import Edges, Stretch
from tg_fetcher_dagster.telegram.pages import OLDEST, Page, page_request
from tg_fetcher_dagster.telegram.peers import (
    identity_of,
    input_peer,
    needs_access_hash,
    seen_again,
    successor_of,
)
from tg_fetcher_dagster.telegram.records import Record
from tg_fetcher_dagster.telegram.requests import RequestLine
from tg_fetcher_dagster.telegram.rich import WholeMessage, comment_peer, read_whole
from tg_fetcher_dagster.telegram.spent import Spent
from tg_fetcher_dagster.telegram.walk import HistoryWalk

log = structlog.get_logger(__name__)


class TelegramReader:
    """Reads chats with one account; one request at a time.

    Attributes:
        account: the account's name in SESSION_DIR.
        user_id: the account's own user: what belongs to an account belongs to it, whatever its name.
    """

    def __init__(
        self, send: RequestLine, *, account: str, user_id: int, signed_in_at: datetime, edges: Edges
    ) -> None:
        self._send = send
        self._finder = ChatFinder(send, account=account, user_id=user_id, signed_in_at=signed_in_at)
        self._lines: dict[int, ChatLine] = {}
        self._edges = edges
        self.account = account
        self.user_id = user_id

    @property
    def requests_made(self) -> int:
        """How many requests were sent so far."""
        return self._send.requests_made

    @property
    def requests_by_method(self) -> Counter[str]:
        """The same by method: `messages.getHistory`."""
        return self._send.requests_by_method

    @property
    def spent(self) -> Spent:
        """What the requests so far have cost."""
        return self._send.spent

    def now(self) -> datetime:
        """Returns the present moment, aware, in UTC, as Telegram sees it."""
        return self._send.clock.now()

    def is_past(self, moment: datetime, *, at: datetime) -> bool:
        """Returns whether a moment was over by Telegram's time when `now` was `at`: so a day ends.

        False where Telegram has not told its time: a day may be read then, and is not final.
        """
        return self._send.clock.is_past(moment, at=at)

    def can_address(self, identity: ChatIdentity) -> bool:
        """True where the chat can be read without looking it up first."""
        return not needs_access_hash(identity.marked_id) or self._finder.kept_hash(identity) is not None

    async def resolve(self, spelling: ChatSpelling, known: ChatIdentity | None = None) -> ChatIdentity:
        """Returns who a chat is now: two requests for a username, and a walk over the dialogs for a new id.

        A name gives whoever has it now, also where `known` is another chat.

        Raises:
            UsernameMovedError: nobody has the name.
            FetchError: (not_found) there is no such chat, or the account does not know it; (no_access) the
                account may not read it.
        """
        return await self._finder.resolve(spelling, known)

    async def look_up(self, known: ChatIdentity) -> ChatIdentity:
        """Returns a known chat as it is now, with this account's access hash; never another chat.

        Raises:
            UsernameMovedError: only its name led to it, and the name means another chat now, or nobody.
            FetchError: as `resolve`.
        """
        return await self._finder.look_up(known)

    def seen_again(self, known: ChatIdentity, page: Page) -> ChatIdentity:
        """Returns a chat as a page of its history shows it; the same object where nothing has changed."""
        return seen_again(known, page.own, user_id=self.user_id)

    def successor(self, group: ChatIdentity, moved: ChatMigratedError) -> ChatIdentity:
        """Returns the supergroup that a basic group has become, for `IdentityTable.migrated`."""
        return successor_of(group, moved.channel_id, moved.access_hash, user_id=self.user_id)

    async def first_message_date(self, identity: ChatIdentity) -> datetime | None:
        """Returns the date of the oldest message that the account may read, aware; None in an empty chat."""
        line = await self._line(identity)
        answer = await line(page_request(line.peer, OLDEST, limit=1), about=f"chat {identity.key}")
        dates = [message.date for message in answer.messages if getattr(message, "date", None)]
        return min(dates, default=None)

    async def history(
        self,
        identity: ChatIdentity,
        start: datetime,
        end: datetime,
        *,
        known_id: int | None = None,
        look_ahead: bool = True,
    ) -> AsyncGenerator[Page, None]:
        """Yields the messages with `start <= date < end` and their neighbours, newest first, page by page.

        Close the iterator (`contextlib.aclosing`) when leaving early. See `Stretch` for the arguments.

        Raises:
            ChatMigratedError: the basic group is a supergroup now.
            FetchError: the walk cannot go on; pages that were yielded are whole. (no_access) a chat whose
                message ids are each user's own was read by another user before.
        """
        if identity.type in {"group", "chat"}:
            require_reader(identity, account=self.account, user_id=self.user_id)
        line = await self._line(identity)
        walk = HistoryWalk(
            line,
            line.peer,
            Stretch(start=start, end=end, edges=self._edges, known_id=known_id, look_ahead=look_ahead),
            marked_id=identity.marked_id,
            has_migrated=identity.migrated_to_id is not None,
            about=f"chat {identity.key}",
        )
        async with aclosing(walk.pages()) as pages:
            async for page in pages:
                yield page

    async def available_min_id(self, identity: ChatIdentity) -> int | None:
        """Returns the newest message of a supergroup that is hidden from the account; None where none is.

        Raises:
            FetchError: any.
        """
        line = await self._line(identity)
        channel = types.InputChannel(line.peer.channel_id, line.peer.access_hash)
        answer = await line(
            functions.channels.GetFullChannelRequest(channel),
            about=f"chat {identity.key}",
        )
        available: int | None = answer.full_chat.available_min_id
        return available

    async def past_history(
        self, identity: ChatIdentity, start: datetime, end: datetime
    ) -> AsyncGenerator[Page, None]:
        """Yields what a supergroup's history held while it was a basic group (telegram.md, 9).

        The ids are the basic group's own, those of this account's user, and may be the same as the
        supergroup's. Nothing where the chat never migrated.

        Raises:
            FetchError: as `history`.
        """
        if identity.migrated_from_chat_id is None:
            return
        require_reader(identity, account=self.account, user_id=self.user_id)
        marked_id = group_marked_id(identity.migrated_from_chat_id)
        walk = HistoryWalk(
            self._send,
            input_peer(marked_id, None),
            Stretch(start=start, end=end, edges=self._edges),
            marked_id=marked_id,
            is_past=True,
            about=f"chat {identity.key} as a basic group",
        )
        async with aclosing(walk.pages()) as pages:
            async for page in pages:
                yield page

    async def comments(
        self, identity: ChatIdentity, post_id: int, limit: int, *, counted: int = 0
    ) -> Comments:
        """Returns the newest comments of a channel's post, oldest first; ask only where the post has some.

        Args:
            identity: the channel.
            post_id: the post.
            limit: how many comments at most.
            counted: how many the post says that it has.

        Raises:
            FetchError: any failure but a discussion that the account may not read, which is an outcome.
        """
        line = await self._line(identity)
        return await read_comments(
            line,
            line.peer,
            post_id,
            limit=limit,
            counted=counted,
            about=f"comments of post {post_id} in {identity.key}",
        )

    async def whole_message(self, identity: ChatIdentity, message: Record) -> WholeMessage:
        """Returns the whole of a rich message that came in part; ask only for such a one.

        Raises:
            FetchError: (auth, rate_limit, network) it may be had another time.
        """
        line = await self._line(identity)
        peer_id = message.value["peer_id"]
        is_past = peer_id["_"] == "PeerChat"  # also of a supergroup: from when it was a basic group
        peer = types.InputPeerChat(peer_id["chat_id"]) if is_past else line.peer
        about = f"message {message.id} in {identity.key}"
        return await read_whole(self._send if is_past else line, peer, message.id, about=about)

    async def whole_comment(
        self, identity: ChatIdentity, post_id: int, comment: Record, chats: Sequence[Record]
    ) -> WholeMessage:
        """Returns the whole of a comment that came in part.

        Args:
            identity: the channel.
            post_id: the post that is commented on.
            comment: which came in part.
            chats: what came with it; the group that it is in is one of them.

        Raises:
            FetchError: (auth, rate_limit, network) it may be had another time.
        """
        line = await self._line(identity)
        peer = comment_peer(comment, chats, channel=line.peer, post_id=post_id)
        about = f"comment {comment.id} on post {post_id} in {identity.key}"
        return await read_whole(line, peer, comment.id, about=about)

    async def dialogs(self) -> AsyncIterator[tuple[ChatIdentity, datetime | None]]:
        """Yields the chats among the account's dialogs and when each was last written in."""
        async for seen in walk_dialogs(self._send):
            try:
                identity = identity_of(seen.entity, account=self.account, user_id=self.user_id)
            except FetchError as error:
                log.info("dialog left out", reason=error.message)
                continue
            yield identity, seen.last_message_at

    async def _line(self, identity: ChatIdentity) -> ChatLine:
        """Returns the way of requests to a chat, addressed by id and access hash, never by name."""
        line = self._lines.get(identity.marked_id)
        if line is None:
            access_hash = await self._finder.access_hash(identity)
            line = ChatLine(self._send, self._finder, identity, access_hash)
            self._lines[identity.marked_id] = line
        return line
